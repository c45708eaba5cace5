use super::definition::DefinitionError;
use super::hit::Place;

/// A sentence with places for values: `{user}` a variable, `{source.user}` an entity of the step's finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(Box<str>),
    Variable(usize),
    Place(Place),
}

/// What a value is written as that a finding does not have.
const UNKNOWN: &str = "unknown";

impl Template {
    /// Reads `text`; `variables` are those known at this point, `entities` tells whether a finding is at hand.
    ///
    /// # Errors
    /// When a brace stays open or names something unknown; `place` says where `text` stands.
    pub(super) fn parse(
        text: &str,
        place: &str,
        variables: &[Box<str>],
        entities: bool,
    ) -> Result<Self, DefinitionError> {
        let mut pieces = vec![];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| DefinitionError::OpenBrace { place: place.into(), text: text.into() })?;
            pieces.push(Piece::Text(before.into()));
            pieces.push(piece(name, variables, entities).ok_or_else(|| {
                DefinitionError::UnknownVariable { place: place.into(), variable: name.into() }
            })?);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.into()));
        Ok(Self(pieces))
    }

    /// `text` as it stands, braces and all.
    pub(super) fn literal(text: &str) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// The sentence; `variable` and `entity` give the values, several of an entity are joined by commas.
    pub(super) fn fill<'a>(
        &self,
        variable: impl Fn(usize) -> &'a str,
        entity: impl Fn(&Place) -> Vec<&'a str>,
    ) -> Box<str> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => text.push_str(t),
                Piece::Variable(number) => text.push_str(variable(*number)),
                Piece::Place(place) => match &*entity(place) {
                    [] => text.push_str(UNKNOWN),
                    values => text.push_str(&values.join(", ")),
                },
            }
        }
        text.into()
    }
}

fn piece(name: &str, variables: &[Box<str>], entities: bool) -> Option<Piece> {
    let known = variables.iter().position(|v| &**v == name).map(Piece::Variable);
    known.or_else(|| Place::entity(name).filter(|_| entities).map(Piece::Place))
}
