//! Keeps what gateways saw.

use std::sync::Arc;

use rollcall_access::CredentialRecord;
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{CredentialUse, DirectoryContact, RefusedUse, StoreError};

use super::{LocalTokens, to_the_end};
use crate::{
    GoodUses, RefusedReason, RefusedUses, Source, Span, TokensError, Uses, VerifyError, caches::CredentialKey,
};

impl LocalTokens {
    pub(super) async fn keep_uses(&self, uses: Uses) -> Result<(), VerifyError> {
        // First: it may be told twice, what follows may not.
        self.verification.record_contacts(self.contacts(&uses).await?).await.map_err(told)?;
        let good = uses.good.into_iter().map(CredentialUse::from).collect();
        let (verification, caches) = (self.verification.clone(), self.caches.clone());
        let recorded = async move {
            let recorded = verification.record_uses(good).await.map_err(told)?;
            for id in &recorded.retiring {
                // Who is not told takes the old one for good until its deadline; it reads it anew long before.
                let _ = caches.credentials.invalidate(&CredentialKey(*id)).await;
            }
            Ok(())
        };
        to_the_end(recorded, || VerifyError::Unavailable(Arc::new(TokensError::CutOff))).await?;
        let mut refusals = Vec::new();
        for refused in uses.refused {
            refusals.extend(self.concerned(refused).await?);
        }
        self.verification.record_refusals(refusals).await.map_err(told)
    }

    /// Whose clients were heard of.
    async fn contacts(&self, uses: &Uses) -> Result<Vec<DirectoryContact>, VerifyError> {
        let mut contacts: Vec<_> =
            uses.good.iter().map(|uses| contact(uses.directory, &uses.from, uses.span)).collect();
        for refused in uses.refused.iter().filter(|refused| refused.reason.is_of_a_good_token()) {
            let Some(id) = refused.credential else { continue };
            if let Some(record) = self.credential_record(id).await? {
                contacts.push(contact(record.directory, &refused.from, refused.span));
            }
        }
        Ok(contacts)
    }

    /// The same refusal as each directory's admin should see it: the one whose token it is, and the one that the URL names.
    async fn concerned(&self, refused: RefusedUses) -> Result<Vec<RefusedUse>, VerifyError> {
        let record = match refused.credential {
            Some(id) if refused.reason.is_about_a_known_credential() => self.credential_record(id).await?,
            _ => None,
        };
        let named = match &refused.url {
            Some((tenant, key)) => self.directory_by_key(tenant, key).await?,
            None => None,
        };
        let mut concerned = Vec::new();
        if let Some(record) = &record {
            concerned.push(row(&refused, record.directory, Some(record.id)));
        }
        if let Some(directory) = named
            && record.as_ref().is_none_or(|record| record.directory != directory.id)
        {
            // Another tenant does not learn which token it was.
            let credential = record.filter(|record| record.tenant == directory.tenant).map(|record| record.id);
            concerned.push(row(&refused, directory.id, credential));
        }
        Ok(concerned)
    }

    async fn credential_record(&self, id: Id<marker::Credential>) -> Result<Option<CredentialRecord>, VerifyError> {
        self.verification.credential(id).await.map_err(told)
    }
}

fn contact(directory: Id<marker::Directory>, from: &Source, span: Span) -> DirectoryContact {
    DirectoryContact {
        directory,
        address: from.address.to_string(),
        agent: from.agent.clone(),
        first_at: Timestamp::from_micros(span.first_at),
        last_at: Timestamp::from_micros(span.last_at),
    }
}

fn row(
    refused: &RefusedUses,
    directory: Id<marker::Directory>,
    credential: Option<Id<marker::Credential>>,
) -> RefusedUse {
    // Who uses an expired token at another directory's URL has two things to mend; the URL's admin sees the second.
    let reason = match (credential, refused.reason) {
        (None, reason) if reason.is_about_a_known_credential() => RefusedReason::OtherDirectory,
        (_, reason) => reason,
    };
    RefusedUse {
        directory,
        credential,
        reason: reason.key().to_owned(),
        address: refused.from.address.to_string(),
        agent: refused.from.agent.clone(),
        times: refused.times,
        first_at: Timestamp::from_micros(refused.span.first_at),
        last_at: Timestamp::from_micros(refused.span.last_at),
    }
}

impl From<GoodUses> for CredentialUse {
    fn from(uses: GoodUses) -> Self {
        Self {
            directory: uses.directory,
            credential: uses.credential,
            address: uses.from.address.to_string(),
            agent: uses.from.agent,
            outside: uses.outside,
            reads: uses.reads,
            writes: uses.writes,
            first_at: Timestamp::from_micros(uses.span.first_at),
            last_at: Timestamp::from_micros(uses.span.last_at),
        }
    }
}

fn told(error: StoreError) -> VerifyError {
    VerifyError::Unavailable(Arc::new(error))
}
