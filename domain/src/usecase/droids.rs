//! `droids`, and the droid that `launch` is told to start: which definitions count. Starts nothing.

use crate::port::DroidCatalog;
use crate::task::droid::{Catalog, Droid, DroidName, NoDroid};

/// All that defines a droid for a task that works in `cwd`.
pub async fn droids(catalog: &dyn DroidCatalog, cwd: &str) -> Catalog {
    catalog.found(cwd).await
}

/// The droid that `name` means for a task that works in `cwd`.
///
/// # Errors
/// [`NoDroid`] if nothing has the name, or what has it cannot be used.
pub async fn choose(
    catalog: &dyn DroidCatalog,
    cwd: &str,
    name: &DroidName,
) -> Result<Droid, NoDroid> {
    catalog.found(cwd).await.choose(name).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::droid_catalog::MockDroidCatalog;
    use crate::task::droid::{DroidSource, Found, UnreadableDroid};
    use std::string::ToString;

    #[tokio::test]
    async fn a_droid_is_looked_for_where_the_task_will_work() {
        let name = DroidName::parse("x").expect("a name");
        let mut catalog = MockDroidCatalog::new();
        let known = name.clone();
        catalog.expect_found().withf(|cwd| cwd == "/work").times(1).return_once(move |_| {
            Catalog::of(std::vec![Found::Unreadable(UnreadableDroid {
                name: Some(known),
                source: DroidSource::Project,
                path: "/work/.factory/droids/x.md".to_string(),
                reason: "it is empty".to_string(),
            })])
        });
        let refused = choose(&catalog, "/work", &name).await;
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err("the droid `x` cannot be used: `/work/.factory/droids/x.md`: it is empty".into())
        );
    }
}
