//! Numbers of a message that people read and set by name: a table from which reading, setting, showing and help follow.

use serde_json::{Map, Value, json};

use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// A field that is a number; a switch is 0 or 1, an enumeration the number of its value.
pub struct Setting<M> {
    /// Its name in the `.proto` file.
    pub name: &'static str,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// Reads it.
    pub get: fn(&M) -> u64,
    /// Sets it; false where the number does not fit.
    pub set: fn(&mut M, u64) -> bool,
}

/// A [`Setting`] of a message: `setting!(Params, tempo: u64, "blocks between epochs")`.
macro_rules! setting {
    ($message:ty, $field:ident: u64, $meaning:literal) => {
        $crate::commands::settings::Setting::<$message> {
            name: stringify!($field),
            meaning: $meaning,
            get: |message| message.$field,
            set: |message, value| {
                message.$field = value;
                true
            },
        }
    };
    ($message:ty, $field:ident: bool, $meaning:literal) => {
        $crate::commands::settings::Setting::<$message> {
            name: stringify!($field),
            meaning: $meaning,
            get: |message| message.$field.into(),
            set: |message, value| {
                message.$field = value == 1;
                value <= 1
            },
        }
    };
    ($message:ty, $field:ident: u32, $meaning:literal) => {
        $crate::commands::settings::Setting::<$message> {
            name: stringify!($field),
            meaning: $meaning,
            get: |message| u64::from(message.$field),
            set: |message, value| u32::try_from(value).map(|value| message.$field = value).is_ok(),
        }
    };
    ($message:ty, $field:ident: i32, $meaning:literal) => {
        $crate::commands::settings::Setting::<$message> {
            name: stringify!($field),
            meaning: $meaning,
            get: |message| u64::try_from(message.$field).unwrap_or(0),
            set: |message, value| i32::try_from(value).map(|value| message.$field = value).is_ok(),
        }
    };
}
pub(crate) use setting;

/// Reads `name=value` for one of these settings.
///
/// # Errors
/// Says what is wrong, and which names there are.
pub fn parse<M>(settings: &[Setting<M>], text: &str) -> std::result::Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    if !settings.iter().any(|setting| setting.name == name) {
        let known: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
        return Err(format!("there is no parameter {name} that is set here; there are {}", known.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("{value:?} is no whole number; switches are 0 or 1"))?;
    Ok((name.to_owned(), value))
}

/// Sets values that [`parse`] read; rows that show what changes.
///
/// # Errors
/// When a number does not fit its field.
pub fn apply<M>(settings: &[Setting<M>], message: &mut M, values: &[(String, u64)]) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for (name, value) in values {
        let Some(setting) = settings.iter().find(|setting| setting.name == name) else { continue };
        let before = (setting.get)(message);
        if !(setting.set)(message, *value) {
            return Err(CliError::new(Class::Usage, format!("{name} cannot be {value}")));
        }
        rows.push(row([name, &format!("{before} becomes {value}")]));
    }
    Ok(rows)
}

/// All of them as programs read them.
pub fn data<M>(settings: &[Setting<M>], message: &M) -> Value {
    let numbers: Map<String, Value> =
        settings.iter().map(|setting| (setting.name.to_owned(), json!((setting.get)(message)))).collect();
    Value::Object(numbers)
}

/// All of them as a table.
pub fn text<M>(settings: &[Setting<M>], message: &M) -> String {
    let mut rows = vec![row(["PARAMETER", "VALUE", "MEANING"])];
    let line = |setting: &Setting<M>| row([setting.name, &(setting.get)(message).to_string(), setting.meaning]);
    rows.extend(settings.iter().map(line));
    output::table(&rows)
}
