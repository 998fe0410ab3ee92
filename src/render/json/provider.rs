//! The document of an entry of the provider table.

use serde::Serialize;

use super::SCHEMA;
use crate::providers::table::{Provider, TableService};
use crate::settings::Source;
use crate::target::Domain;

/// The document.
#[derive(Debug, Serialize)]
pub struct ProviderModel<'a> {
    schema: u32,
    id: &'a str,
    name: &'a str,
    source: &'static str,
    domains: Vec<&'a str>,
    documentation: Option<&'a str>,
    mx: &'a [String],
    notes: &'a [String],
    services: Vec<TableServiceModel<'a>>,
}

#[derive(Debug, Serialize)]
struct TableServiceModel<'a> {
    protocol: &'static str,
    host: String,
    port: u16,
    security: &'static str,
    username_form: Option<&'a str>,
    auth: Vec<&'static str>,
}

impl<'a> ProviderModel<'a> {
    /// Of an entry and the table it stands in.
    pub fn of(source: Source, provider: &'a Provider) -> Self {
        Self {
            schema: SCHEMA,
            id: &provider.id,
            name: &provider.name,
            source: source.as_str(),
            domains: provider.domains.iter().map(Domain::as_str).collect(),
            documentation: provider.documentation.as_deref(),
            mx: &provider.mx,
            notes: &provider.notes,
            services: provider.services.iter().map(TableServiceModel::of).collect(),
        }
    }
}

impl<'a> TableServiceModel<'a> {
    fn of(service: &'a TableService) -> Self {
        Self {
            protocol: service.protocol.as_str(),
            host: service.host.form(),
            port: service.port.get(),
            security: service.security.as_str(),
            username_form: service.username.as_ref().map(|form| form.as_str()),
            auth: service.auth.iter().map(|method| method.as_str()).collect(),
        }
    }
}
