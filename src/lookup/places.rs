//! Where one may sign in, as the sources say it: which user name, and whether a secret may go there.

use super::Lookup;
use crate::probe::login::Place;
use crate::settings::{Service, Trust};

impl Lookup {
    /// The endpoints of the services found, of every source, each with what it wants as user name.
    ///
    /// Where sources differ, the settings that were chosen say the user name; one source that vouches is enough.
    pub fn places(&self) -> Vec<Place> {
        let others =
            self.sources.iter().filter_map(|asked| asked.outcome.value()).map(|answer| &answer.settings);
        let mut places: Vec<Place> = Vec::new();
        for service in self.settings.iter().chain(others).flat_map(|settings| &settings.services) {
            let Some(endpoint) = service.access.server() else { continue };
            let vouched = is_vouched(service);
            match places.iter_mut().find(|place| place.endpoint == *endpoint) {
                Some(place) => {
                    place.vouched |= vouched;
                    place.username = place.username.take().or_else(|| service.username.clone());
                }
                None => places.push(Place {
                    endpoint: endpoint.clone(),
                    username: service.username.clone(),
                    vouched,
                }),
            }
        }
        places
    }
}

/// A host of the domain itself proves by its certificate that it belongs to it; for another, the source has to.
fn is_vouched(service: &Service) -> bool {
    !service.other_domain
        || matches!(service.trust, Trust::UserTable | Trust::Bundled | Trust::Digest | Trust::Https)
}
