mod format;
mod question;
mod shown;

pub use format::{Format, TextAnswer, Written};

use crate::error::from_datafusion;
use crate::shared::{Reader, Shared};
use crate::{Error, Result, catalog};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use question::Question;
use shown::Shown;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Sleep;

/// How much a query may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory that sorting, grouping and joining may take, in bytes; a query that needs more is ended.
    pub memory_bytes: usize,
    /// Rows of the answer; what is beyond is cut off, and [`Written::cut`] says so.
    pub rows: Option<usize>,
    /// How long it may take from the first row that is asked for; a query that takes longer is ended.
    pub time: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 512_000_000, rows: None, time: None }
    }
}

/// The answer to a query, made while it is read.
pub struct Answer {
    runtime: Runtime,
    rows: SendableRecordBatchStream,
    limits: Limits,
    /// When it is to be ended.
    deadline: Option<Pin<Box<Sleep>>>,
    given: usize,
    cut: bool,
    /// Parts that it reads are not deleted before it has ended.
    _reader: Reader,
}

impl Answer {
    /// Names and types of the answer's columns.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// The next rows; `None` when that was all.
    ///
    /// # Errors
    /// When the query fails on its way: a value that is no number, too much memory, a damaged file.
    pub fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        if self.cut {
            return Ok(None);
        }
        let (rows, deadline, time) = (&mut self.rows, &mut self.deadline, self.limits.time);
        let next = std::future::poll_fn(|context| {
            if let Some(time) = time {
                let deadline = deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
                if deadline.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(Error::TooLong { seconds: time.as_secs() }));
                }
            }
            rows.as_mut().poll_next(context).map(Ok)
        });
        let Some(batch) = self.runtime.block_on(next)? else { return Ok(None) };
        let batch = batch.map_err(|e| from_datafusion(&e, self.limits.memory_bytes))?;
        let room = self.limits.rows.map_or(usize::MAX, |rows| rows - self.given);
        self.cut = batch.num_rows() > room;
        let batch = if self.cut { batch.slice(0, room) } else { batch };
        self.given += batch.num_rows();
        Ok(Some(batch))
    }
}

/// Asks the lake in `lake`.
pub(crate) fn ask(lake: &Path, shared: &Shared, sql: &str, limits: &Limits) -> Result<Answer> {
    let failed = |e: DataFusionError| from_datafusion(&e, limits.memory_bytes);
    let reader = shared.readers.begin();
    let mut question = Question::new(sql)?;
    let statement = question.statement()?;
    let names = question.tables(&statement, &catalog::table_names(lake, shared)?)?;
    let tables: Vec<_> =
        names.iter().map(|name| catalog::parts(lake, name, shared)).collect::<Result<_>>()?;
    let shown = Shown::new(lake, tables.iter().flatten()).map_err(|e| failed(e.into()))?;
    let context = session(shown, limits.memory_bytes).map_err(failed)?;
    let mut columns = Vec::new();
    for (name, parts) in names.iter().zip(&tables) {
        let schema = catalog::merged_schema(parts);
        columns.extend(schema.fields().iter().map(|field| field.name().clone()));
        register(&context, name, schema).map_err(failed)?;
    }
    question.join_dotted(&columns, &names);
    let statement = question.statement()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Error::io("start", lake))?;
    let rows = runtime.block_on(plan(&context, statement, limits)).map_err(failed)?;
    Ok(Answer { runtime, rows, limits: *limits, deadline: None, given: 0, cut: false, _reader: reader })
}

async fn plan(
    context: &SessionContext,
    statement: Statement,
    limits: &Limits,
) -> datafusion::error::Result<SendableRecordBatchStream> {
    let plan = context.state().statement_to_plan(statement).await?;
    let only_ask = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_ask.verify_plan(&plan)?;
    let mut answer = context.execute_logical_plan(plan).await?;
    if let Some(rows) = limits.rows {
        // One more, to know whether there is more.
        answer = answer.limit(0, Some(rows.saturating_add(1)))?;
    }
    answer.execute_stream().await
}

/// Where the lake lies for DataFusion, which can reach nothing else through it.
const ROOT: &str = "lake://tables/";

/// A session that sees what is `shown` alone, in one thread, without temporary files.
fn session(shown: Shown, memory_bytes: usize) -> datafusion::error::Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    runtime.register_object_store(ObjectStoreUrl::parse(ROOT)?.as_ref(), Arc::new(shown));
    runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

fn register(context: &SessionContext, name: &str, schema: SchemaRef) -> datafusion::error::Result<()> {
    let folder = ListingTableUrl::parse(format!("{ROOT}{name}/"))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("hour".to_owned(), DataType::Utf8)]);
    let config = ListingTableConfig::new(folder).with_listing_options(options).with_schema(schema);
    context.register_table(
        datafusion::common::TableReference::bare(name),
        Arc::new(ListingTable::try_new(config)?),
    )?;
    Ok(())
}
