use crate::Result;
use crate::error::{Error, alike, from_datafusion};
use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as Sql;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

/// Nesting of a query; one that goes deeper is not understood.
const DEPTH_MAX: usize = 50;

/// The tokens of a query, without the space between them.
pub(super) struct Question {
    tokens: Vec<TokenWithSpan>,
}

impl Question {
    /// Takes `sql` apart.
    ///
    /// # Errors
    /// When a quote is not closed, or a character has no place in SQL.
    pub(super) fn new(sql: &str) -> Result<Self> {
        let mut tokens = Tokenizer::new(&GenericDialect {}, sql)
            .tokenize_with_location()
            .map_err(|error| not_understood(&DataFusionError::SQL(Box::new(error.into()), None)))?;
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        Ok(Self { tokens })
    }

    /// The statement, if it is one that only asks.
    ///
    /// # Errors
    /// When it is not SQL, or anything else than one `SELECT`, `EXPLAIN` of it, or `DESCRIBE`.
    pub(super) fn statement(&self) -> Result<Statement> {
        let mut statements = DFParserBuilder::new(self.tokens.clone())
            .with_recursion_limit(DEPTH_MAX)
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| not_understood(&error))?;
        let statement = statements.pop_front().ok_or(Error::NotAQuestion)?;
        if statements.is_empty() && only_asks(&statement) {
            return Ok(statement);
        }
        Err(Error::NotAQuestion)
    }

    /// The tables of the lake that `statement`, made from this question, is about; `known` are those there
    /// are.
    ///
    /// # Errors
    /// When a table is not known.
    pub(super) fn tables(&self, statement: &Statement, known: &[String]) -> Result<Vec<String>> {
        let (tables, _) =
            resolve_table_references(statement, false).map_err(|error| not_understood(&error))?;
        let names: Vec<_> =
            tables.iter().map(ToString::to_string).filter(|name| !self.is_called(name)).collect();
        match names.iter().find(|name| !known.contains(name)) {
            None => Ok(names),
            Some(name) => Err(Error::UnknownTable {
                name: name.clone(),
                suggestion: alike(name, known.iter().map(String::as_str)).into_iter().next(),
                known: known.to_vec(),
            }),
        }
    }

    /// Takes `id.orig_h` and `c.id.orig_h` for the column `id.orig_h` where `columns` has it and none of
    /// `tables` is called `id` in the question.
    pub(super) fn join_dotted(&mut self, columns: &[String], tables: &[String]) {
        let aliases = self.aliases(tables);
        let is_table = |name: &str| tables.iter().chain(&aliases).any(|table| table == name);
        let mut joined = Vec::with_capacity(self.tokens.len());
        let mut rest = self.tokens.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            match dotted(rest, columns).filter(|(parts, _)| !parts.first().is_some_and(|name| is_table(name)))
            {
                Some((parts, length)) => {
                    let column = Token::Word(Word {
                        value: parts.join("."),
                        quote_style: Some('"'),
                        keyword: Keyword::NoKeyword,
                    });
                    joined.push(TokenWithSpan::new(column, first.span));
                    rest = rest.get(length..).unwrap_or_default();
                }
                None => {
                    joined.push(first.clone());
                    rest = behind;
                }
            }
        }
        self.tokens = joined;
    }

    /// Whether `name` stands before a parenthesis: a table function is not in the lake.
    fn is_called(&self, name: &str) -> bool {
        let mut pairs = self.tokens.iter().zip(self.tokens.iter().skip(1));
        pairs.any(|(token, next)| word(token) == Some(name) && next.token == Token::LParen)
    }

    /// Words behind one of `tables` or a closing parenthesis, with or without `AS`: names given to tables.
    fn aliases(&self, tables: &[String]) -> Vec<String> {
        let is_as =
            |token: &&TokenWithSpan| matches!(&token.token, Token::Word(w) if w.keyword == Keyword::AS);
        let mut aliases = Vec::new();
        let mut behind_table = false;
        for token in self.tokens.iter().filter(|token| !is_as(token)) {
            let name = word(token);
            if behind_table {
                aliases.extend(name.map(str::to_owned));
            }
            behind_table =
                token.token == Token::RParen || name.is_some_and(|n| tables.iter().any(|t| t == n));
        }
        aliases
    }
}

/// No memory is taken before a query runs.
fn not_understood(error: &DataFusionError) -> Error {
    from_datafusion(error, 0)
}

fn only_asks(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(sql) => {
            let explained = if let Sql::Explain { statement, .. } = &**sql { statement } else { sql };
            matches!(**explained, Sql::Query(_)) || matches!(**sql, Sql::ExplainTable { .. })
        }
        Statement::Explain(explain) => only_asks(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

fn word(token: &TokenWithSpan) -> Option<&str> {
    if let Token::Word(word) = &token.token { Some(&word.value) } else { None }
}

/// The longest of `columns` that `tokens` begin with, in words with dots between: its words, and how many
/// tokens.
fn dotted(tokens: &[TokenWithSpan], columns: &[String]) -> Option<(Vec<String>, usize)> {
    let mut parts = vec![word(tokens.first()?)?.to_owned()];
    for pair in tokens.get(1..)?.chunks_exact(2) {
        let [dot, part] = pair else { break };
        let Some(part) = word(part).filter(|_| dot.token == Token::Period) else { break };
        parts.push(part.to_owned());
    }
    while parts.len() > 1 {
        if columns.contains(&parts.join(".")) {
            let length = 2 * parts.len() - 1;
            return Some((parts, length));
        }
        parts.pop();
    }
    None
}
