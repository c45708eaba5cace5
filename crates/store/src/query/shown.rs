use crate::catalog::Part;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::BTreeMap;
use std::fmt;

/// The parts that counted when a question was asked, and no other file, for reading alone: DataFusion lists a
/// table while it plans, when a merged part may have come, and would see rows twice.
#[derive(Debug)]
pub(super) struct Shown {
    files: LocalFileSystem,
    parts: BTreeMap<Path, ObjectMeta>,
}

impl Shown {
    /// Shows `parts` of the lake in `lake`.
    ///
    /// # Errors
    /// When a path cannot be one of an object store.
    pub(super) fn new<'a>(lake: &std::path::Path, parts: impl Iterator<Item = &'a Part>) -> Result<Self> {
        let files = LocalFileSystem::new_with_prefix(lake)?;
        let object = |part: &Part| {
            let inside = part.path.strip_prefix(lake).unwrap_or(&part.path);
            let location = Path::parse(inside.to_string_lossy())?;
            let meta = ObjectMeta {
                location: location.clone(),
                last_modified: part.modified.into(),
                size: part.bytes,
                e_tag: None,
                version: None,
            };
            Ok((location, meta))
        };
        Ok(Self { files, parts: parts.map(object).collect::<Result<_>>()? })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts", self.parts.len())
    }
}

#[async_trait::async_trait]
impl ObjectStore for Shown {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !self.parts.contains_key(location) {
            return Err(refused("reading what is no part"));
        }
        self.files.get_opts(location, options).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let inside = |part: &&ObjectMeta| prefix.is_none_or(|prefix| part.location.prefix_matches(prefix));
        let parts: Vec<_> = self.parts.values().filter(inside).cloned().map(Ok).collect();
        stream::iter(parts).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(refused("listing a folder"))
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused("writing"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(refused("writing"))
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::iter([Err(refused("deleting"))]).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(refused("copying"))
    }
}

fn refused(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "the lake".to_owned() }
}
