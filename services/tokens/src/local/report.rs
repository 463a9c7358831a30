//! Keeps what gateways saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rollcall_access::{CredentialRecord, OAuthClientRecord};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{CredentialUse, DirectoryContact, RefusedUse, ReportId, StoreError, UseReport};

use super::{LocalTokens, to_the_end};
use crate::{
    GoodUses, RefusedReason, RefusedUses, Source, Span, TokensError, Uses, VerifyError,
    caches::{CredentialKey, UrlKey},
};

impl LocalTokens {
    pub(super) async fn keep_uses(&self, uses: Uses) -> Result<(), VerifyError> {
        let named = self.named(&uses.refused).await?;
        // First: it may be told twice.
        self.verification.record_contacts(contacts(&uses, &named)).await.map_err(told)?;
        let refusals = uses.refused.iter().flat_map(|refused| named.concerned(refused)).collect();
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

    /// What refused requests named, all that there is.
    async fn named(&self, refused: &[RefusedUses]) -> Result<Named, VerifyError> {
        let of_known = |refused: &&RefusedUses| {
            refused.reason.is_about_a_known_credential() || refused.reason.is_of_a_good_token()
        };
        let credentials: BTreeSet<_> = refused.iter().filter(of_known).filter_map(|one| one.credential).collect();
        let clients: BTreeSet<_> = refused.iter().filter_map(|one| one.client).collect();
        let (credentials, clients) = (Vec::from_iter(credentials), Vec::from_iter(clients));
        let urls = Vec::from_iter(refused.iter().filter_map(url).collect::<BTreeSet<_>>());
        Ok(Named {
            credentials: self.verification.credentials_of(&credentials).await.map_err(told)?,
            clients: self.verification.clients_of(&clients).await.map_err(told)?,
            directories: self.verification.directories_at(&urls).await.map_err(told)?,
        })
    }
}

/// What refused requests of one report named, as far as there is such a thing.
struct Named {
    credentials: BTreeMap<Id<marker::Credential>, CredentialRecord>,
    clients: BTreeMap<Id<marker::OAuthClient>, OAuthClientRecord>,
    /// Tenants and directories, by what their URLs say.
    directories: BTreeMap<(String, String), (Id<marker::Tenant>, Id<marker::Directory>)>,
}

impl Named {
    /// The same refusal as each directory's admin should see it: the one whose token it is, and the one that the URL names.
    fn concerned(&self, refused: &RefusedUses) -> Vec<RefusedUse> {
        let of_known = refused.credential.filter(|_| refused.reason.is_about_a_known_credential());
        let record = of_known.and_then(|id| self.credentials.get(&id));
        let client = refused.client.and_then(|id| self.clients.get(&id));
        let directory = url(refused).and_then(|url| self.directories.get(&url));
        let mut concerned = Vec::new();
        if let Some(client) = client {
            concerned.push(RefusedUse { client: Some(client.id), ..row(refused, client.directory, None) });
        }
        if let Some(record) = record {
            let of_token = row(refused, record.directory, Some(record.id));
            concerned.push(RefusedUse { client: record.client, ..of_token });
        }
        if let Some((tenant, directory)) = directory
            && client.is_none()
            && record.is_none_or(|record| record.directory != *directory)
        {
            // Another tenant does not learn which token it was.
            let record = record.filter(|record| record.tenant == *tenant);
            let client = record.and_then(|record| record.client);
            concerned.push(RefusedUse { client, ..row(refused, *directory, record.map(|record| record.id)) });
        }
        concerned
    }
}

/// Whose clients were heard of.
fn contacts(uses: &Uses, named: &Named) -> Vec<DirectoryContact> {
    let mut contacts: Vec<_> = uses.good.iter().map(|uses| contact(uses.directory, &uses.from, uses.span)).collect();
    for refused in uses.refused.iter().filter(|refused| refused.reason.is_of_a_good_token()) {
        if let Some(record) = refused.credential.and_then(|id| named.credentials.get(&id)) {
            contacts.push(contact(record.directory, &refused.from, refused.span));
        }
    }
    contacts
}

/// What the URL says, folded.
fn url(refused: &RefusedUses) -> Option<(String, String)> {
    let (tenant, key) = refused.url.as_ref()?;
    UrlKey::of_url(tenant, key).map(UrlKey::into_parts)
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
