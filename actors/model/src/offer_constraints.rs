//! Which agents a framework wants to be offered at all (V14).

use std::collections::BTreeMap;

use messages::v1::scheduler::OfferConstraints;
use messages::v1::scheduler::attribute_constraint::{
    self, predicate::Predicate as ProtoPredicate, selector,
};
use messages::v1::{self, scheduler::AttributeConstraint};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::Role;

/// How many bytes a pattern may take when it is ready for use.
const PATTERN_BYTES_MAX: usize = 256 << 10;

/// Why constraints are refused. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferConstraintsError {
    /// A role that nothing could satisfy.
    #[error(
        "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {0}"
    )]
    NoGroups(String),
    /// A group that everything would satisfy.
    #[error(
        "'OfferConstraints::RoleConstraints::groups' for role {0}contains an empty \
         RoleConstraints::Group"
    )]
    EmptyGroup(String),
    /// One constraint is wrong.
    #[error("A role {role} has an invalid 'AttributeConstraint': {reason}")]
    Constraint {
        /// Whose.
        role: String,
        /// What is wrong.
        reason: ConstraintError,
    },
}

/// Why one constraint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// It does not say what it looks at.
    #[error(
        "Exactly one of 'AttributeConstraint::Selector::name' or \
         'AttributeConstraint::Selector::pseudoattribute_type' must be set"
    )]
    NoSelector,
    /// It looks at something that nobody knows.
    #[error("Unknown pseudoattribute type")]
    UnknownPseudoattribute,
    /// It does not say what it asks for.
    #[error("Unknown predicate type")]
    NoPredicate,
    /// The pattern cannot be read.
    #[error("Failed to construct regex from pattern '{pattern}': {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The pattern would take too much.
    #[error("Regex '{0}' is too complex: it takes more than {PATTERN_BYTES_MAX} bytes")]
    TooComplex(String),
}

/// What of an agent constraints look at.
#[derive(Debug, Clone, Copy)]
pub struct AgentTraits<'a> {
    /// Its host name.
    pub hostname: &'a str,
    /// The region of its domain.
    pub region: Option<&'a str>,
    /// The zone of its domain.
    pub zone: Option<&'a str>,
    /// Its attributes.
    pub attributes: &'a [v1::Attribute],
}

/// What a framework asks of agents for one role: one of the groups has to hold whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleConstraints(Vec<Vec<Constraint>>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Constraint {
    selector: Selector,
    predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Selector {
    Attribute(String),
    Hostname,
    Region,
    Zone,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Predicate {
    Exists,
    NotExists,
    Equals(String),
    NotEquals(String),
    Matches(Pattern),
    NotMatches(Pattern),
}

/// A pattern that a whole text has to match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Pattern {
    source: String,
    regex: Regex,
}

/// What a constraint finds.
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// An attribute that is no text. Nobody can ask for its value, and so nobody is kept
    /// from it.
    Other,
}

/// Reads the constraints of all roles. Those of names that are no roles are of no effect.
pub fn parse(
    constraints: &OfferConstraints,
) -> Result<BTreeMap<Role, RoleConstraints>, OfferConstraintsError> {
    let mut parsed = BTreeMap::new();
    for (role, constraints) in &constraints.role_constraints {
        if constraints.groups.is_empty() {
            return Err(OfferConstraintsError::NoGroups(role.clone()));
        }
        let mut groups = Vec::with_capacity(constraints.groups.len());
        for group in &constraints.groups {
            if group.attribute_constraints.is_empty() {
                return Err(OfferConstraintsError::EmptyGroup(role.clone()));
            }
            let group: Result<Vec<_>, _> = group
                .attribute_constraints
                .iter()
                .map(Constraint::parse)
                .collect();
            groups.push(group.map_err(|reason| OfferConstraintsError::Constraint {
                role: role.clone(),
                reason,
            })?);
        }
        if let Ok(role) = Role::parse(role) {
            parsed.insert(role, RoleConstraints(groups));
        }
    }
    Ok(parsed)
}

impl RoleConstraints {
    /// Whether an agent may be offered.
    pub fn allow(&self, agent: AgentTraits<'_>) -> bool {
        self.0
            .iter()
            .any(|group| group.iter().all(|constraint| constraint.holds(agent)))
    }
}

impl Constraint {
    fn parse(proto: &AttributeConstraint) -> Result<Self, ConstraintError> {
        Ok(Self {
            selector: Selector::parse(&proto.selector)?,
            predicate: Predicate::parse(&proto.predicate)?,
        })
    }

    fn holds(&self, agent: AgentTraits<'_>) -> bool {
        let text = |text: Option<&str>| match text {
            Some(text) => self.predicate.holds(&Found::Text(text)),
            None => self.predicate.holds(&Found::Nothing),
        };
        match &self.selector {
            Selector::Hostname => text(Some(agent.hostname)),
            Selector::Region => text(agent.region),
            Selector::Zone => text(agent.zone),
            Selector::Attribute(name) => {
                let attribute = agent.attributes.iter().find(|it| it.name == *name);
                let found = attribute.map_or(Found::Nothing, |attribute| {
                    match (attribute.r#type(), &attribute.text) {
                        (v1::value::Type::Text, Some(text)) => Found::Text(&text.value),
                        _ => Found::Other,
                    }
                });
                self.predicate.holds(&found)
            }
        }
    }
}

impl Selector {
    fn parse(proto: &attribute_constraint::Selector) -> Result<Self, ConstraintError> {
        use selector::PseudoattributeType as Pseudo;
        match &proto.selector {
            None => Err(ConstraintError::NoSelector),
            Some(selector::Selector::AttributeName(name)) => Ok(Self::Attribute(name.clone())),
            Some(selector::Selector::PseudoattributeType(kind)) => match Pseudo::try_from(*kind) {
                Ok(Pseudo::Hostname) => Ok(Self::Hostname),
                Ok(Pseudo::Region) => Ok(Self::Region),
                Ok(Pseudo::Zone) => Ok(Self::Zone),
                Ok(Pseudo::Unknown) => Err(ConstraintError::UnknownPseudoattribute),
                Err(_) => Err(ConstraintError::NoSelector),
            },
        }
    }
}

impl Predicate {
    fn parse(proto: &attribute_constraint::Predicate) -> Result<Self, ConstraintError> {
        let predicate = proto
            .predicate
            .as_ref()
            .ok_or(ConstraintError::NoPredicate)?;
        Ok(match predicate {
            ProtoPredicate::Exists(_) => Self::Exists,
            ProtoPredicate::NotExists(_) => Self::NotExists,
            ProtoPredicate::TextEquals(it) => Self::Equals(it.value.clone()),
            ProtoPredicate::TextNotEquals(it) => Self::NotEquals(it.value.clone()),
            ProtoPredicate::TextMatches(it) => Self::Matches(Pattern::parse(&it.regex)?),
            ProtoPredicate::TextNotMatches(it) => Self::NotMatches(Pattern::parse(&it.regex)?),
        })
    }

    fn holds(&self, found: &Found<'_>) -> bool {
        match (self, found) {
            (Self::Exists, found) => !matches!(found, Found::Nothing),
            (Self::NotExists, found) => matches!(found, Found::Nothing),
            (_, Found::Other) => true,
            (Self::Equals(_) | Self::Matches(_), Found::Nothing) => false,
            (Self::NotEquals(_) | Self::NotMatches(_), Found::Nothing) => true,
            (Self::Equals(value), Found::Text(text)) => value == text,
            (Self::NotEquals(value), Found::Text(text)) => value != text,
            (Self::Matches(pattern), Found::Text(text)) => pattern.regex.is_match(text),
            (Self::NotMatches(pattern), Found::Text(text)) => !pattern.regex.is_match(text),
        }
    }
}

impl Pattern {
    fn parse(source: &str) -> Result<Self, ConstraintError> {
        let build = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .build()
        };
        // By itself first: a group around it might make sense of what makes none alone.
        build(source)
            .and_then(|_| build(&format!(r"\A(?:{source})\z")))
            .map(|regex| Self {
                source: source.to_owned(),
                regex,
            })
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => ConstraintError::TooComplex(source.to_owned()),
                error => ConstraintError::Pattern {
                    pattern: source.to_owned(),
                    reason: last_line(&error.to_string()),
                },
            })
    }
}

/// The line of a regular expression's error that says what is wrong; those before it show
/// where.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl TryFrom<String> for Pattern {
    type Error = ConstraintError;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Self::parse(&source)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.source
    }
}

#[cfg(test)]
mod tests {
    use messages::json::from_json;

    use super::*;
    use crate::attributes;

    fn of(text: &str) -> Result<BTreeMap<Role, RoleConstraints>, String> {
        let constraints: OfferConstraints = from_json(text.as_bytes()).unwrap();
        parse(&constraints).map_err(|error| error.to_string())
    }

    /// The constraints of role `r` with one group of these constraints.
    fn group(constraints: &[(&str, &str)]) -> String {
        let list: Vec<String> = constraints
            .iter()
            .map(|(selector, predicate)| {
                format!(r#"{{"selector":{{{selector}}},"predicate":{{{predicate}}}}}"#)
            })
            .collect();
        format!(r#"{{"attribute_constraints":[{}]}}"#, list.join(","))
    }

    fn one(groups: &[String]) -> Result<RoleConstraints, String> {
        let text = format!(
            r#"{{"role_constraints":{{"r":{{"groups":[{}]}}}}}}"#,
            groups.join(",")
        );
        of(&text).map(|mut roles| roles.remove(&Role::parse("r").unwrap()).unwrap())
    }

    fn holds(selector: &str, predicate: &str, attributes: &str) -> bool {
        let attributes = attributes::parse(attributes).unwrap();
        let traits = AgentTraits {
            hostname: "node-1",
            region: Some("north"),
            zone: None,
            attributes: &attributes,
        };
        one(&[group(&[(selector, predicate)])])
            .unwrap()
            .allow(traits)
    }

    const RACK: &str = r#""attribute_name":"rack""#;

    #[test]
    fn what_is_asked_of_an_attribute() {
        let cases = [
            (r#""exists":{}"#, [true, false, true]),
            (r#""not_exists":{}"#, [false, true, false]),
            (r#""text_equals":{"value":"r1"}"#, [true, false, true]),
            (r#""text_equals":{"value":"r2"}"#, [false, false, true]),
            (r#""text_not_equals":{"value":"r1"}"#, [false, true, true]),
            (r#""text_not_equals":{"value":"r2"}"#, [true, true, true]),
            (r#""text_matches":{"regex":"r[0-9]"}"#, [true, false, true]),
            (r#""text_matches":{"regex":"r"}"#, [false, false, true]),
            (r#""text_matches":{"regex":"r1|x"}"#, [true, false, true]),
            (
                r#""text_not_matches":{"regex":"r[0-9]"}"#,
                [false, true, true],
            ),
        ];
        for (predicate, expected) in cases {
            let found = ["rack:r1", "other:r1", "rack:5"].map(|it| holds(RACK, predicate, it));
            assert_eq!(found, expected, "{predicate}");
        }
    }

    #[test]
    fn host_name_and_domain_can_be_asked_for() {
        let pseudo = |kind: &str| format!(r#""pseudoattribute_type":"{kind}""#);
        let is = |value: &str| format!(r#""text_equals":{{"value":"{value}"}}"#);
        assert!(holds(&pseudo("HOSTNAME"), &is("node-1"), ""));
        assert!(!holds(&pseudo("HOSTNAME"), &is("node"), ""));
        assert!(holds(&pseudo("REGION"), &is("north"), ""));
        assert!(!holds(&pseudo("ZONE"), r#""exists":{}"#, ""));
    }

    #[test]
    fn one_group_has_to_hold_whole() {
        let rack = |value: &str| format!(r#""text_equals":{{"value":"{value}"}}"#);
        let (one_, two) = (rack("r1"), rack("r2"));
        let disk = (r#""attribute_name":"disk""#, r#""exists":{}"#);
        let either = one(&[group(&[(RACK, &one_), disk]), group(&[(RACK, &two)])]).unwrap();
        let allows = |text: &str| {
            let attributes = attributes::parse(text).unwrap();
            either.allow(AgentTraits {
                hostname: "",
                region: None,
                zone: None,
                attributes: &attributes,
            })
        };
        assert!(!allows("rack:r1"));
        assert!(allows("rack:r1;disk:ssd"));
        assert!(allows("rack:r2"));
    }

    #[test]
    fn refusals_are_upstreams() {
        let invalid = "A role r has an invalid 'AttributeConstraint': ";
        let exists = r#""exists":{}"#;
        let cases = [
            (
                one(&[]),
                "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for \
                 role r"
                    .to_owned(),
            ),
            (
                one(&[group(&[])]),
                "'OfferConstraints::RoleConstraints::groups' for role rcontains an empty \
                 RoleConstraints::Group"
                    .to_owned(),
            ),
            (
                one(&[group(&[("", exists)])]),
                format!(
                    "{invalid}Exactly one of 'AttributeConstraint::Selector::name' or \
                     'AttributeConstraint::Selector::pseudoattribute_type' must be set"
                ),
            ),
            (
                one(&[group(&[(r#""pseudoattribute_type":"UNKNOWN""#, exists)])]),
                format!("{invalid}Unknown pseudoattribute type"),
            ),
            (
                one(&[group(&[(RACK, "")])]),
                format!("{invalid}Unknown predicate type"),
            ),
            (
                one(&[group(&[(RACK, r#""text_matches":{"regex":"a)(b"}"#)])]),
                format!("{invalid}Failed to construct regex from pattern 'a)(b': unopened group"),
            ),
            (
                one(&[group(&[(
                    RACK,
                    r#""text_matches":{"regex":"(a{900}){900}"}"#,
                )])]),
                format!(
                    "{invalid}Regex '(a{{900}}){{900}}' is too complex: it takes more than \
                     {PATTERN_BYTES_MAX} bytes"
                ),
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, Err(expected));
        }
    }

    #[test]
    fn names_that_are_no_roles_are_of_no_effect() {
        let groups = group(&[(RACK, r#""exists":{}"#)]);
        let text = format!(r#"{{"role_constraints":{{"/":{{"groups":[{groups}]}}}}}}"#);
        assert_eq!(of(&text), Ok(BTreeMap::new()));
    }

    #[test]
    fn constraints_survive_a_codec() {
        let constraints = one(&[group(&[(RACK, r#""text_matches":{"regex":"a+"}"#)])]).unwrap();
        let text = serde_json::to_string(&constraints).unwrap();
        assert_eq!(
            serde_json::from_str::<RoleConstraints>(&text).unwrap(),
            constraints
        );
    }
}
