//! Paths with `{field}` in them, as `google.api.http` writes them.

use percent_encoding::percent_decode_str;
use prost_reflect::MethodDescriptor;

use crate::descriptors::{Catalog, CatalogError, HttpRule, path_of};

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This very text.
    Literal(String),
    /// Any text, into a field.
    Field(String),
    /// All the rest with its slashes, into a field.
    Rest(String),
}

/// A method by its path.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// `GET` and so on.
    verb: &'static str,
    segments: Vec<Segment>,
    /// The gRPC path.
    pub(crate) path: String,
    /// The method.
    pub(crate) method: MethodDescriptor,
    /// `*` when the body holds the request.
    pub(crate) body: String,
}

/// All of them. Those with more literal segments come first, so that `blocks/latest` wins over `blocks/{height}`.
#[derive(Clone, Debug)]
pub(crate) struct Routes(Vec<Route>);

/// A route that fits, with the texts of its fields.
#[derive(Clone, Debug)]
pub(crate) struct Match<'a> {
    pub(crate) route: &'a Route,
    pub(crate) captured: Vec<(&'a str, String)>,
}

fn segments(template: &str) -> Result<Vec<Segment>, String> {
    let path = template.strip_prefix('/').ok_or_else(|| format!("{template} does not begin with a slash"))?;
    let segment = |text: &str| match text.strip_prefix('{').map(|inner| inner.strip_suffix('}')) {
        None => Ok(Segment::Literal(text.to_owned())),
        Some(None) => Err(format!("{template}: a brace is not closed")),
        Some(Some(inner)) => match inner.split_once('=') {
            None | Some((_, "*")) => Ok(Segment::Field(inner.trim_end_matches("=*").to_owned())),
            Some((field, "**")) => Ok(Segment::Rest(field.to_owned())),
            Some((_, pattern)) => Err(format!("{template}: the pattern {pattern} is not supported")),
        },
    };
    path.split('/').map(segment).collect()
}

impl Route {
    fn of(method: &MethodDescriptor, rule: HttpRule) -> Result<Self, CatalogError> {
        let path = path_of(method);
        let wrong = |why: String| CatalogError::Route { method: path.clone(), why };
        if !["", "*"].contains(&rule.body.as_str()) {
            return Err(wrong(format!("a body of {:?} is not supported", rule.body)));
        }
        let segments = segments(&rule.template).map_err(wrong)?;
        Ok(Self { verb: rule.verb, segments, path, method: method.clone(), body: rule.body })
    }

    /// Fewer fields first, then fewer that take the rest.
    fn width(&self) -> (usize, usize) {
        let count = |one: fn(&Segment) -> bool| self.segments.iter().filter(|segment| one(segment)).count();
        (count(|one| matches!(one, Segment::Rest(_))), count(|one| matches!(one, Segment::Field(_))))
    }

    fn fit(&self, parts: &[&str]) -> Option<Vec<(&str, String)>> {
        let text = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
        let mut captured = Vec::new();
        let mut parts = parts.iter();
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => {
                    if parts.next()? != literal {
                        return None;
                    }
                }
                Segment::Field(field) => {
                    let part = parts.next().filter(|part| !part.is_empty())?;
                    captured.push((field.as_str(), text(part)?));
                }
                Segment::Rest(field) => {
                    let rest = parts.by_ref().copied().collect::<Vec<_>>().join("/");
                    captured.push((field.as_str(), text(&rest).filter(|rest| !rest.is_empty())?));
                }
            }
        }
        parts.next().is_none().then_some(captured)
    }
}

impl Routes {
    /// Of every method that has a path.
    pub(crate) fn of(catalog: &Catalog) -> Result<Self, CatalogError> {
        let mut routes = Vec::new();
        for method in catalog.methods() {
            for rule in catalog.http_rules(&method)? {
                routes.push(Route::of(&method, rule)?);
            }
        }
        routes.sort_by_key(Route::width);
        Ok(Self(routes))
    }

    /// The route of a request; a slash at the end does no harm.
    pub(crate) fn find(&self, verb: &str, path: &str) -> Option<Match<'_>> {
        let path = path.strip_prefix('/')?;
        let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        let candidates = self.0.iter().filter(|route| route.verb == verb);
        let mut fitting = candidates.filter_map(|route| Some(Match { route, captured: route.fit(&parts)? }));
        fitting.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(verb: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let routes = Routes::of(&Catalog::load().unwrap()).unwrap();
        let found = routes.find(verb, path)?;
        let captured = found.captured.iter().map(|(field, text)| ((*field).to_owned(), text.clone())).collect();
        Some((found.route.path.clone(), captured))
    }

    #[test]
    fn literals_win_over_fields_and_fields_are_decoded() {
        let service = "/cosmos.base.tendermint.v1beta1.Service";
        let blocks = "/cosmos/base/tendermint/v1beta1/blocks";
        let (path, captured) = found("GET", &format!("{blocks}/latest")).unwrap();
        assert_eq!((path, captured), (format!("{service}/GetLatestBlock"), vec![]));
        let (path, captured) = found("GET", &format!("{blocks}/7/")).unwrap();
        assert_eq!((path, captured), (format!("{service}/GetBlockByHeight"), vec![("height".into(), "7".into())]));
        let (path, captured) = found("GET", "/cosmos/bank/v1beta1/denoms_metadata/ibc%2F1/x").unwrap();
        assert_eq!(path, "/cosmos.bank.v1beta1.Query/DenomMetadata");
        assert_eq!(captured, vec![("denom".into(), "ibc/1/x".into())]);
        assert_eq!(found("POST", "/cosmos/tx/v1beta1/txs").unwrap().0, "/cosmos.tx.v1beta1.Service/BroadcastTx");
        assert_eq!(found("GET", "/cosmos/tx/v1beta1/txs").unwrap().0, "/cosmos.tx.v1beta1.Service/GetTxsEvent");
    }

    #[test]
    fn what_nobody_names_is_not_found() {
        for (verb, path) in [
            ("GET", "/"),
            ("GET", "/nothing"),
            ("GET", "/cosmos/bank/v1beta1"),
            ("GET", "/cosmos/bank/v1beta1/balances/"),
            ("GET", "/cosmos/bank/v1beta1/balances/a/b"),
            ("GET", "/cosmos/bank/v1beta1/balances/%ff"),
            ("DELETE", "/cosmos/bank/v1beta1/params"),
            ("GET", "cosmos/bank/v1beta1/params"),
        ] {
            assert_eq!(found(verb, path), None, "{verb} {path}");
        }
    }

    #[test]
    fn templates_that_are_not_understood_are_refused() {
        for wrong in ["a/b", "/a/{b", "/a/{b=x/*}"] {
            assert!(segments(wrong).is_err(), "{wrong}");
        }
    }
}
