//! Keeps what gateways saw.

use std::sync::Arc;

use rollcall_access::CredentialRecord;
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{CredentialUse, DirectoryContact, RefusedUse, ReportId, StoreError, UseReport};

use super::{LocalTokens, to_the_end};
use crate::{
    GoodUses, RefusedReason, RefusedUses, Source, Span, TokensError, Uses, VerifyError, caches::CredentialKey,
};

impl LocalTokens {
    pub(super) async fn keep_uses(&self, uses: Uses) -> Result<(), VerifyError> {
        // First: it may be told twice.
        self.verification.record_contacts(self.contacts(&uses).await?).await.map_err(told)?;
        let mut refusals = Vec::new();
        for refused in uses.refused {
            refusals.extend(self.concerned(refused).await?);
        }
        let report = UseReport {
            id: uses.report.map(|report| ReportId { reporter: report.reporter, seq: report.seq }),
            uses: uses.good.into_iter().map(CredentialUse::from).collect(),
            refusals,
        };
        let (verification, caches) = (self.verification.clone(), self.caches.clone());
        let recorded = async move {
            let recorded = verification.record(report).await.map_err(told)?;
            for id in &recorded.retiring {
                // Who is not told takes the old one for good until its deadline; it reads it anew long before.
                let _ = caches.credentials.invalidate(&CredentialKey(*id)).await;
            }
            Ok(())
        };
        to_the_end(recorded, || VerifyError::Unavailable(Arc::new(TokensError::CutOff))).await
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
            Some((tenant, key)) => self.directory_by_key(tenant, key, None).await?,
            None => None,
        };
        let client = match refused.client {
            Some(id) => self.verification.oauth_client(id).await.map_err(told)?,
            None => None,
        };
        let mut concerned = Vec::new();
        if let Some(client) = &client {
            concerned.push(RefusedUse { client: Some(client.id), ..row(&refused, client.directory, None) });
        }
        if let Some(record) = &record {
            let of_token = row(&refused, record.directory, Some(record.id));
            concerned.push(RefusedUse { client: record.client, ..of_token });
        }
        if let Some(directory) = named
            && client.is_none()
            && record.as_ref().is_none_or(|record| record.directory != directory.id)
        {
            // Another tenant does not learn which token it was.
            let record = record.filter(|record| record.tenant == directory.tenant);
            let client = record.as_ref().and_then(|record| record.client);
            concerned.push(RefusedUse { client, ..row(&refused, directory.id, record.map(|record| record.id)) });
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
        (None, reason) if reason.is_about_a_known_credential() && refused.client.is_none() => {
            RefusedReason::OtherDirectory
        }
        (_, reason) => reason,
    };
    RefusedUse {
        directory,
        credential,
        client: None,
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
