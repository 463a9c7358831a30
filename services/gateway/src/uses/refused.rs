//! Requests that were refused, added up by what they have in common. What is about a credential or a client that exists, which
//! strangers cannot make up, is kept apart from all else, so that nobody's junk takes its room.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use rollcall_base::{Id, marker};
use rollcall_tokens::{RefusedReason, RefusedUses, Source, Span};

use super::{Count, MOST, MOST_EACH, add};

/// The most entries between two reports.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// From one address; an IPv6 network of /64 counts as one.
    address: u32,
    /// From one IPv6 network of /48, which is what a site has to itself.
    site: u32,
    /// With their place, of one credential or client: beyond them they are added up without it.
    holder: u32,
}

/// From one address come the clients of many tenants, if it is an IdP's.
const OF_KNOWN: Bounds = Bounds { address: 200, site: 500, holder: MOST_EACH };
const OF_OTHERS: Bounds = Bounds { address: MOST_EACH, site: 5 * MOST_EACH, holder: u32::MAX };

/// What a refused request says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RefusedKey {
    pub(crate) reason: RefusedReason,
    pub(crate) credential: Option<Id<marker::Credential>>,
    pub(crate) client: Option<Id<marker::OAuthClient>>,
    pub(crate) url: Option<(String, String)>,
    pub(crate) address: IpAddr,
}

#[derive(Debug, Clone)]
pub(super) struct RefusedCount {
    pub(super) times: u32,
    pub(super) span: Span,
    /// The last one's.
    pub(super) agent: String,
}

type Holder = (Option<Id<marker::Credential>>, Option<Id<marker::OAuthClient>>);

/// All refused requests since the last report.
#[derive(Debug, Default)]
pub(super) struct Refused {
    known: Entries,
    others: Entries,
}

#[derive(Debug, Default)]
struct Entries {
    counts: HashMap<RefusedKey, RefusedCount>,
    addresses: HashMap<IpAddr, u32>,
    sites: HashMap<IpAddr, u32>,
    holders: HashMap<Holder, u32>,
}

impl Refused {
    /// Adds it, or counts it among the `lost` for want of room.
    pub(super) fn add(&mut self, key: RefusedKey, count: RefusedCount, lost: &mut u64) {
        if key.reason.is_about_what_exists() {
            self.known.add(key, count, OF_KNOWN, lost);
        } else {
            self.others.add(key, count, OF_OTHERS, lost);
        }
    }

    pub(super) fn into_uses(self) -> Vec<RefusedUses> {
        self.known.counts.into_iter().chain(self.others.counts).map(|(key, count)| key.with(count)).collect()
    }
}

impl Entries {
    fn add(&mut self, mut key: RefusedKey, count: RefusedCount, bounds: Bounds, lost: &mut u64) {
        let (holder, address, site) = ((key.credential, key.client), key.address, site(key.address));
        let has_place = entries(&self.holders, &holder) < bounds.holder;
        if !has_place && !self.counts.contains_key(&key) {
            key = RefusedKey { url: None, address: Source::unknown().address, ..key };
        }
        if !self.counts.contains_key(&key) {
            let has_room = !has_place
                || entries(&self.addresses, &address) < bounds.address && entries(&self.sites, &site) < bounds.site;
            // What has no room leaves no trace in the other tables either: they are as bounded as this one.
            if !has_room || self.counts.len() >= MOST {
                *lost += 1;
                return;
            }
            *self.holders.entry(holder).or_default() += 1;
            *self.addresses.entry(address).or_default() += 1;
            *self.sites.entry(site).or_default() += 1;
        }
        add(&mut self.counts, lost, key, count);
    }
}

fn entries<K: Eq + Hash>(of: &HashMap<K, u32>, key: &K) -> u32 {
    of.get(key).copied().unwrap_or_default()
}

/// The IPv6 network of /48 that an address is of. An IPv4 address stands for itself.
fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 48)).into(),
        v4 => v4,
    }
}

impl Count for RefusedCount {
    fn add(&mut self, other: Self) {
        self.times = self.times.saturating_add(other.times);
        self.span.extend(other.span);
        self.agent = other.agent;
    }
}

impl RefusedKey {
    fn with(self, RefusedCount { times, span, agent }: RefusedCount) -> RefusedUses {
        let Self { reason, credential, client, url, address } = self;
        RefusedUses { reason, credential, client, url, from: Source { address, agent }, times, span }
    }
}
