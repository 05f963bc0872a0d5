//! Names of files that a job delivers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most bytes of a template, and of the name that comes of it.
const MAX_BYTES: usize = 240;
/// Digits of a frame where the template does not say.
const DIGITS: usize = 4;
/// The most digits of a frame.
const MAX_DIGITS: usize = 9;

/// Why a template or a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Frames would overwrite each other.
    #[error("the name {0:?} has no {{frame}} or ####, so that each frame would overwrite the one before")]
    NoFrame(String),
    /// A brace without its other.
    #[error(
        "the name {0:?} has a brace without its other; parts to be filled in are {{scene}} {{job}} {{camera}} {{layer}} {{pass}} {{frame}} {{frame:6}}"
    )]
    Brace(String),
    /// Nothing is known by that name.
    #[error(
        "{{{0}}} cannot be filled in; there are {{scene}} {{job}} {{camera}} {{layer}} {{pass}} {{frame}} {{frame:6}}"
    )]
    Unknown(String),
    /// The name would leave its folder, or is none.
    #[error("the name {0:?} is empty, too long, or leaves its folder; it is a relative path without . and .. in it")]
    Path(String),
    /// The template asks for what this file does not have.
    #[error("the name asks for {{{0}}}, which this file does not have")]
    Missing(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Scene,
    Job,
    Camera,
    Layer,
    Pass,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Frame { digits: usize },
    Field(Field),
}

/// What may be filled in. What a file does not have is `None`; a template that asks for it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// Name of the scene.
    pub scene: Option<&'a str>,
    /// Name or id of the job.
    pub job: Option<&'a str>,
    /// Name of the camera.
    pub camera: Option<&'a str>,
    /// Name of the view layer, where a file holds one alone.
    pub layer: Option<&'a str>,
    /// Name of the pass, where a file holds one alone.
    pub pass: Option<&'a str>,
}

/// How files of a job are called, without the extension: text, `{scene}`, `{job}`, `{camera}`, `{layer}`, `{pass}`, and the
/// frame as `{frame}` (four digits), `{frame:6}`, or Blender's `####`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameTemplate {
    text: String,
    parts: Vec<Part>,
}

impl NameTemplate {
    /// The name of a frame's file. Characters of filled-in names that have a meaning in paths turn into `_`.
    ///
    /// # Errors
    /// When the template asks for what is `None`, or the name comes out too long or unusable as a path.
    pub fn fill(&self, frame: u32, names: &Names<'_>) -> Result<String, NameError> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Frame { digits } => name.push_str(&format!("{frame:0digits$}")),
                Part::Field(field) => {
                    let (value, told) = match field {
                        Field::Scene => (names.scene, "scene"),
                        Field::Job => (names.job, "job"),
                        Field::Camera => (names.camera, "camera"),
                        Field::Layer => (names.layer, "layer"),
                        Field::Pass => (names.pass, "pass"),
                    };
                    let value = value.ok_or(NameError::Missing(told))?;
                    name.extend(value.chars().map(|c| if harmless(c) { c } else { '_' }));
                }
            }
        }
        if is_path(&name) { Ok(name) } else { Err(NameError::Path(name)) }
    }
}

fn harmless(c: char) -> bool {
    !(c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
}

fn is_path(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.len() <= MAX_BYTES && name.split('/').all(part) && name.chars().all(|c| c == '/' || harmless(c))
}

impl FromStr for NameTemplate {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let part = match c {
                '{' => {
                    let (inner, after) =
                        rest.get(1..).and_then(|r| r.split_once('}')).ok_or_else(|| NameError::Brace(text.into()))?;
                    rest = after;
                    field(inner)?
                }
                '}' => return Err(NameError::Brace(text.to_owned())),
                '#' => {
                    let after = rest.trim_start_matches('#');
                    let digits = rest.len() - after.len();
                    if digits > MAX_DIGITS {
                        return Err(NameError::Unknown(format!("frame:{digits}")));
                    }
                    rest = after;
                    Part::Frame { digits }
                }
                _ => {
                    literal.push(c);
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(part);
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        if !parts.iter().any(|part| matches!(part, Part::Frame { .. })) {
            return Err(NameError::NoFrame(text.to_owned()));
        }
        let template = Self { text: text.to_owned(), parts };
        // Whatever is filled in has no meaning in paths, so that what holds of one name holds of all but for the length.
        let any = Some("x");
        template.fill(1, &Names { scene: any, job: any, camera: any, layer: any, pass: any })?;
        Ok(template)
    }
}

fn field(inner: &str) -> Result<Part, NameError> {
    let unknown = || NameError::Unknown(inner.to_owned());
    Ok(match inner {
        "scene" => Part::Field(Field::Scene),
        "job" => Part::Field(Field::Job),
        "camera" => Part::Field(Field::Camera),
        "layer" => Part::Field(Field::Layer),
        "pass" => Part::Field(Field::Pass),
        "frame" => Part::Frame { digits: DIGITS },
        _ => {
            let digits = inner.strip_prefix("frame:").ok_or_else(unknown)?;
            let digits = digits.parse().ok().filter(|digits| (1..=MAX_DIGITS).contains(digits)).ok_or_else(unknown)?;
            Part::Frame { digits }
        }
    })
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for NameTemplate {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<NameTemplate> for String {
    fn from(template: NameTemplate) -> Self {
        template.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Names<'_> =
        Names { scene: Some("Shot"), job: Some("7"), camera: Some("Cam"), layer: Some("fg"), pass: Some("Z") };

    fn filled(template: &str, frame: u32) -> String {
        template.parse::<NameTemplate>().unwrap().fill(frame, &ALL).unwrap()
    }

    #[test]
    fn templates_are_filled_in() {
        assert_eq!(filled("{frame}", 7), "0007");
        assert_eq!(filled("{scene}/{layer}-{pass}.{frame:6}", 12), "Shot/fg-Z.000012");
        assert_eq!(filled("{job}_{camera}_##", 123), "7_Cam_123");
    }

    #[test]
    fn what_would_overwrite_or_escape_is_refused() {
        let refused = |text: &str| text.parse::<NameTemplate>().unwrap_err();
        assert_eq!(refused("still"), NameError::NoFrame("still".into()));
        assert_eq!(refused("{frame"), NameError::Brace("{frame".into()));
        assert_eq!(refused("frame}#"), NameError::Brace("frame}#".into()));
        assert_eq!(refused("{date}#"), NameError::Unknown("date".into()));
        assert_eq!(refused("{frame:0}"), NameError::Unknown("frame:0".into()));
        for text in ["/####", "../####", "a//####", "####/", "a\\####", "./####", "a\n####"] {
            assert!(matches!(refused(text), NameError::Path(_)), "{text:?}");
        }
        let template: NameTemplate = "{pass}#".parse().unwrap();
        assert_eq!(template.fill(1, &Names::default()), Err(NameError::Missing("pass")));
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(template in "[a{}#/.]{0,12}|\\{scene\\}/\\{frame\\}", scene in "\\PC{0,20}|\\.\\.|\\.") {
            let names = Names { scene: Some(&scene), ..ALL };
            if let Ok(Ok(name)) = template.parse::<NameTemplate>().map(|template| template.fill(3, &names)) {
                let path = std::path::Path::new(&name);
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }
}
