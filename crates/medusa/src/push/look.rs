//! Whether products are in the shop as they were last pushed, without knowing what that is.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use catalog::{Failure, ProductKey};

use super::Shop;
use crate::address::Address;
use crate::api::model::{LIGHT_FIELDS, Product};
use crate::desired::{MARKER, face};

/// A product as it was last pushed.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Which.
    pub key: &'a ProductKey,
    /// Its id in the shop.
    pub id: &'a str,
    /// [`Desired::marker`](crate::Desired::marker) of what it was made to be.
    pub marker: &'a str,
    /// The same article's [`face`](crate::Article::face).
    pub face: &'a str,
}

impl Look<'_> {
    /// As for what is known in full: [`plan::looks_equal`](crate::plan::looks_equal).
    fn is_of(&self, there: &Product) -> bool {
        let marked = there.metadata.as_ref().and_then(|metadata| metadata.get(MARKER)).and_then(|value| value.as_str());
        marked == Some(self.marker)
            && there.status == "published"
            && face(&there.title, there.thumbnail.as_deref()) == self.face
            && there.external_id.as_deref() == Some(self.key.to_string().as_str())
            && !Address::of(self.key, there).is_news(there)
    }
}

impl Shop {
    /// Which of these are as they were last pushed: one light read. All others may be anything.
    ///
    /// # Errors
    /// The shop did not answer.
    pub async fn as_pushed(&self, looks: &[Look<'_>], deadline: Instant) -> Result<HashSet<ProductKey>, Failure> {
        let ids: Vec<&str> = looks.iter().map(|look| look.id).collect();
        let there = self.read("id[]", &ids, LIGHT_FIELDS, deadline).await?;
        let there: HashMap<&str, &Product> = there.iter().map(|product| (product.id.as_str(), product)).collect();
        let stand = looks.iter().filter(|look| there.get(look.id).is_some_and(|there| look.is_of(there)));
        Ok(stand.map(|look| look.key.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Desired, Presence};
    use crate::testing::{article, held, key, references};

    #[test]
    fn what_people_changed_at_a_glance_is_not_as_it_was_pushed() {
        let (key, article) = (key("demo:1"), article(2));
        let (face, there) = (article.face(), held(&key, &article));
        let marker = Desired { key: key.clone(), presence: Presence::Offered(Box::new(article)) }.marker(&references());
        let look = Look { key: &key, id: &there.id, marker: &marker, face: &face };
        let mut there = there.clone();
        there.metadata.get_or_insert_default().insert(MARKER.to_owned(), marker.clone().into());
        assert!(look.is_of(&there));
        type Change = (&'static str, fn(&mut Product));
        let changes: [Change; 5] = [
            ("a draft", |there| there.status = "draft".into()),
            ("another title", |there| there.title.push('!')),
            ("no image", |there| there.thumbnail = None),
            ("not ours", |there| there.external_id = None),
            ("being changed", |there| drop(there.metadata.as_mut().map(|own| own.remove(MARKER)))),
        ];
        for (what, change) in changes {
            let mut other = there.clone();
            change(&mut other);
            assert!(!look.is_of(&other), "{what}");
        }
    }
}
