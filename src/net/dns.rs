//! Names to records: addresses, MX, SRV and TXT. Absent (NXDOMAIN, no record) and failed (SERVFAIL, time-out) stay apart,
//! each question on its own. Names are absolute, and what comes back is bounded.

mod build;
mod choice;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use rustls::RootCertStore;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::attempt::{Cause, Failure, Stage};
use crate::target::{Domain, Port};

pub use choice::{InvalidResolver, ResolverChoice};

/// The resolver that was chosen. Nothing is read or opened before the first question.
#[derive(Debug)]
pub struct Resolver {
    choice: ResolverChoice,
    roots: Arc<RootCertStore>,
    limits: Limits,
    built: OnceCell<Result<TokioResolver, Failure>>,
    /// Whether the first question behind TLS is over.
    opened: Mutex<bool>,
}

/// A mail exchanger (RFC 5321, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the sooner it is tried.
    pub preference: u16,
    /// The host; `None` when the domain takes no mail (RFC 7505).
    pub host: Option<Domain>,
}

/// Where a service is to be found (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The lower, the sooner it is tried.
    pub priority: u16,
    /// The higher, the more often it is chosen among equal priorities.
    pub weight: u16,
    /// The host and port; `None` when the service is decidedly not there (target `.`).
    pub target: Option<(Domain, Port)>,
}

/// The two kinds of address record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// AAAA
    V6,
    /// A
    V4,
}

impl Resolver {
    /// The resolver that was chosen; the roots are for one behind TLS or HTTPS.
    pub fn new(choice: ResolverChoice, roots: Arc<RootCertStore>) -> Self {
        Self { choice, roots, limits: LIMITS, built: OnceCell::new(), opened: Mutex::new(false) }
    }

    /// The addresses of a name in one family, at least one.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: no such host, no address of that family, or the resolver failed.
    pub async fn addresses(&self, name: &Domain, family: AddressFamily) -> Result<Vec<IpAddr>, Failure> {
        let record_type = match family {
            AddressFamily::V6 => RecordType::AAAA,
            AddressFamily::V4 => RecordType::A,
        };
        let records = self.records(&name.to_string(), record_type).await?;
        let addresses: Vec<IpAddr> = records
            .iter()
            .filter_map(|record| match record {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .take(MAX_ADDRESSES)
            .collect();
        usable(addresses, name.as_str(), record_type)
    }

    /// The mail exchangers of a domain, the most preferred first, at least one. Hosts that are no names are left out.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: no such domain, no usable MX record, or the resolver failed.
    pub async fn mx(&self, domain: &Domain) -> Result<Vec<Mx>, Failure> {
        let records = self.records(domain.as_str(), RecordType::MX).await?;
        let mut exchangers: Vec<Mx> = records
            .iter()
            .filter_map(|record| match record {
                RData::MX(mx) => host_of(&mx.exchange).map(|host| Mx { preference: mx.preference, host }),
                _ => None,
            })
            .collect();
        exchangers.sort_by(|a, b| (a.preference, &a.host).cmp(&(b.preference, &b.host)));
        usable(exchangers, domain.as_str(), RecordType::MX)
    }

    /// The servers of a TCP service such as `_imaps`, in the order to try them, at least one. RFC 2782 draws lots among
    /// equal priorities; here the higher weight comes first, so that two runs agree. Targets that are no names, and
    /// port 0, are left out.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: no such name, no usable SRV record, or the resolver failed.
    pub async fn srv(&self, service: &str, domain: &Domain) -> Result<Vec<Srv>, Failure> {
        let name = format!("{service}._tcp.{domain}");
        let records = self.servers(&name).await?;
        let mut servers: Vec<Srv> = records
            .iter()
            .filter_map(|record| match record {
                RData::SRV(srv) => {
                    let target = match host_of(&srv.target)? {
                        Some(host) => Some((host, Port::new(i64::from(srv.port)).ok()?)),
                        None => None,
                    };
                    Some(Srv { priority: srv.priority, weight: srv.weight, target })
                }
                _ => None,
            })
            .collect();
        servers.sort_by(|a, b| (a.priority, b.weight, &a.target).cmp(&(b.priority, a.weight, &b.target)));
        usable(servers, &name, RecordType::SRV)
    }

    /// The texts at a domain, or at a label such as `_ua-auto-config` below it, at least one. The pieces of a record are
    /// joined, bytes that are no UTF-8 replaced, and records longer than 4 KiB left out.
    ///
    /// # Errors
    /// [`Failure`] in the stage `dns`: no such name, no usable TXT record, or the resolver failed.
    pub async fn txt(&self, label: Option<&str>, domain: &Domain) -> Result<Vec<String>, Failure> {
        let name = match label {
            Some(label) => format!("{label}.{domain}"),
            None => domain.to_string(),
        };
        let texts = self
            .records(&name, RecordType::TXT)
            .await?
            .iter()
            .filter_map(|record| match record {
                RData::TXT(txt) => Some(txt.txt_data.concat()),
                _ => None,
            })
            .filter(|bytes| bytes.len() <= TXT_BYTES)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        usable(texts, &name, RecordType::TXT)
    }

    /// The SRV records at a name or behind its aliases. hickory takes the target of an SRV record behind an alias for
    /// one more alias and asks for SRV records there, so the aliases are followed here.
    async fn servers(&self, name: &str) -> Result<Vec<RData>, Failure> {
        let mut at = name.to_owned();
        for _ in 0..MAX_ALIASES {
            let unanswered = match self.ask(&at, RecordType::SRV).await {
                Ok(records) => return Ok(records),
                Err(unanswered) => unanswered,
            };
            let alias = if unanswered.behind_alias { self.alias(&at).await? } else { None };
            at = alias.ok_or(unanswered.failure)?;
        }
        Err(too_many_aliases(name, RecordType::SRV))
    }

    /// What a name is an alias of.
    async fn alias(&self, name: &str) -> Result<Option<String>, Failure> {
        let records = self.ask(name, RecordType::CNAME).await.map_err(|unanswered| unanswered.failure)?;
        Ok(records.iter().find_map(|record| match record {
            RData::CNAME(target) => Some(target.0.to_ascii().trim_end_matches('.').to_owned()),
            _ => None,
        }))
    }

    /// True when a name is the alias of an alias, and so on without an end.
    ///
    /// # Errors
    /// [`Failure`] when the resolver failed, so that nobody could tell.
    async fn is_endless_alias(&self, name: &str) -> Result<bool, Failure> {
        let mut at = name.to_owned();
        for _ in 0..MAX_ALIASES {
            match self.alias(&at).await {
                Ok(Some(target)) => at = target,
                Ok(None) => return Ok(false),
                Err(failure) => return if failure.temporary { Err(failure) } else { Ok(false) },
            }
        }
        Ok(true)
    }

    /// The records in the answer for one type at a name without its last dot; those of a CNAME on the way are among them.
    async fn records(&self, name: &str, record_type: RecordType) -> Result<Vec<RData>, Failure> {
        let unanswered = match self.ask(name, record_type).await {
            Ok(records) => return Ok(records),
            Err(unanswered) => unanswered,
        };
        // Aliases in a circle look as if there were no record; a server that knows of none shows its SOA (RFC 2308).
        let circles = match (unanswered.unproved, unanswered.behind_alias) {
            (false, _) => false,
            (true, true) => self.is_endless_alias(name).await?,
            (true, false) if is_address(record_type) => self.is_its_own_alias(name).await,
            (true, false) => false,
        };
        Err(if circles { too_many_aliases(name, record_type) } else { unanswered.failure })
    }

    /// True when a name is said to be an alias of itself. A resolver that knows nothing of aliases is no witness.
    async fn is_its_own_alias(&self, name: &str) -> bool {
        let alias = tokio::time::timeout(self.limits.witness, self.alias(name)).await;
        matches!(alias, Ok(Ok(Some(target))) if target.eq_ignore_ascii_case(name))
    }

    async fn ask(&self, name: &str, record_type: RecordType) -> Result<Vec<RData>, Unanswered> {
        let Ok(absolute) = Name::from_ascii(format!("{name}.")) else {
            let reason = format!("{name} does not exist: it is too long for DNS");
            return Err(Failure::new(Stage::Dns, Cause::NoSuchHost, reason).into());
        };
        let resolver = self.built.get_or_init(|| self.build()).await.as_ref().map_err(Clone::clone)?;
        let limit = self.limits.question;
        let leading = self.lead().await;
        let answer = tokio::time::timeout(limit, resolver.lookup(absolute.clone(), record_type)).await;
        if let Some(mut opened) = leading {
            *opened = true;
        }
        match answer {
            Err(_) => {
                let reason = format!("the resolver did not answer for {name} {record_type} within {limit:?}");
                Err(failed(reason).into())
            }
            Ok(Ok(lookup)) => {
                Ok(lookup.answers().iter().take(MAX_RECORDS).map(|record| record.data.clone()).collect())
            }
            Ok(Err(error)) => Err(Unanswered {
                behind_alias: asked_elsewhere(&error, &absolute),
                unproved: lacks_authority(&error),
                failure: self.failure_of(&error, name, record_type),
            }),
        }
    }

    /// Held by the first question behind TLS, which goes alone: hickory opens a connection for every question that
    /// finds none, and Unbound takes ten at most. The others wait no longer than it takes to connect.
    async fn lead(&self) -> Option<MutexGuard<'_, bool>> {
        if !matches!(self.choice, ResolverChoice::Tls { .. } | ResolverChoice::Https(_)) {
            return None;
        }
        let opened = tokio::time::timeout(self.limits.head_start, self.opened.lock()).await.ok()?;
        (!*opened).then_some(opened)
    }

    fn failure_of(&self, error: &NetError, name: &str, record_type: RecordType) -> Failure {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
                ResponseCode::NXDomain => absent(Cause::NoSuchHost, name, record_type),
                ResponseCode::NoError => absent(Cause::NoAddress, name, record_type),
                code => failed(format!("the resolver answered {code} for {name} {record_type}")),
            },
            NetError::Dns(DnsError::ResponseCode(code)) => {
                failed(format!("the resolver answered {code} for {name} {record_type}"))
            }
            // What hickory says whenever no connection came about, whatever the reason.
            NetError::NoConnections => {
                failed(format!("{} for {name} {record_type}", self.choice.unreached()))
            }
            NetError::Timeout => failed(format!("the resolver did not answer for {name} {record_type}")),
            other => failed(format!("the resolver failed for {name} {record_type}: {other}")),
        }
    }
}

/// A question without an answer.
struct Unanswered {
    failure: Failure,
    /// Whether it was the target of an alias that had none.
    behind_alias: bool,
    /// Whether no authority stands behind "there is no such record".
    unproved: bool,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { failure, behind_alias: false, unproved: false }
    }
}

/// True when the name that has no record is another one than the one asked for.
fn asked_elsewhere(error: &NetError, asked: &Name) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.query.name() != asked,
        _ => false,
    }
}

fn is_address(record_type: RecordType) -> bool {
    matches!(record_type, RecordType::A | RecordType::AAAA)
}

/// True when an answer without records names no server that would know of them.
fn lacks_authority(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            none.response_code == ResponseCode::NoError && none.soa.is_none()
        }
        _ => false,
    }
}

fn too_many_aliases(name: &str, record_type: RecordType) -> Failure {
    failed(format!("{name} {record_type} stands behind more than {MAX_ALIASES} aliases"))
}

/// The host a record names: `Some(None)` for `.`, which says that there is none; `None` when it is no host name.
fn host_of(name: &Name) -> Option<Option<Domain>> {
    if name.is_root() {
        return Some(None);
    }
    Domain::parse(&name.to_ascii()).ok().map(Some)
}

fn usable<T>(found: Vec<T>, name: &str, record_type: RecordType) -> Result<Vec<T>, Failure> {
    match found.is_empty() {
        true => Err(absent(Cause::NoAddress, name, record_type)),
        false => Ok(found),
    }
}

fn absent(cause: Cause, name: &str, record_type: RecordType) -> Failure {
    let reason = match cause {
        Cause::NoSuchHost => format!("{name} does not exist (NXDOMAIN)"),
        _ => format!("{name} has no {record_type} record"),
    };
    Failure::new(Stage::Dns, cause, reason)
}

fn failed(reason: String) -> Failure {
    Failure::temporary(Stage::Dns, Cause::Resolver, reason)
}

/// How long a question may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// With all its tries.
    question: Duration,
    /// One try; a lost datagram is asked for again after it.
    each_try: Duration,
    retries: usize,
    /// What the first question behind TLS is given before the others follow.
    head_start: Duration,
    /// What a second question is given, which only tells better why the first has no answer.
    witness: Duration,
}

const LIMITS: Limits = Limits {
    question: QUESTION_TIMEOUT,
    // A recursive resolver may need some seconds for a cold name; after three the datagram is more likely lost.
    each_try: Duration::from_secs(3),
    // As many as fit into the limit of a question.
    retries: 2,
    // A handshake and an answer over a slow path.
    head_start: Duration::from_secs(1),
    // The resolver has just answered for the same name.
    witness: Duration::from_secs(1),
};

/// 10 s: three tries of three seconds each.
pub const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// No mail host has more; a hostile zone might.
pub const MAX_ADDRESSES: usize = 32;

/// Large companies have some sixty TXT records; a message of 64 KiB could hold thousands.
pub const MAX_RECORDS: usize = 200;

/// Nobody has more on purpose, and some turn in a circle.
pub const MAX_ALIASES: usize = 8;

/// Ten times a long DKIM key; settings are far shorter.
pub const TXT_BYTES: usize = 4 * 1024;

/// Two of each family: hickory asks them two at a time.
pub const MAX_RESOLVER_ADDRESSES: usize = 4;

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{Message, OpCode};
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{CNAME, MX, SRV, TXT};
    use hyper::Response;
    use rustls::ServerConfig;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::{TcpListener, UdpSocket};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// What the server on loopback says to every question.
    #[derive(Clone)]
    enum Says {
        Records(Vec<RData>),
        /// The first is an alias of the second, and so on; the last has the records.
        Aliases(&'static [&'static str], Vec<RData>),
        Code(ResponseCode),
        Nothing,
        /// Over UDP only that there is more; the records over TCP.
        Truncated(Vec<RData>),
    }

    fn reply(says: &Says, question: &[u8], over_udp: bool) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).unwrap();
        let mut message = Message::response(question.metadata.id, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.metadata.recursion_available = true;
        message.add_queries(question.queries.clone());
        let asked = question.queries.first().unwrap().name().clone();
        assert!(asked.is_fqdn(), "{asked}");
        let record = |data: &RData| Record::from_rdata(asked.clone(), 60, data.clone());
        match says {
            Says::Nothing => return None,
            Says::Code(code) => message.metadata.response_code = *code,
            Says::Records(records) => drop(message.add_answers(records.iter().map(record))),
            Says::Truncated(_) if over_udp => message.metadata.truncation = true,
            Says::Truncated(records) => drop(message.add_answers(records.iter().map(record))),
            Says::Aliases(chain, records) => alias(&mut message, &asked, chain, records),
        }
        Some(message.to_vec().unwrap())
    }

    /// The aliases from the name that was asked for on, then the records of the last unless an alias was asked for.
    fn alias(message: &mut Message, asked: &Name, chain: &[&str], records: &[RData]) {
        let Some(begin) = chain.iter().position(|link| name(link) == *asked) else {
            message.metadata.response_code = ResponseCode::NXDomain;
            return;
        };
        for pair in chain.windows(2).skip(begin) {
            let [from, to] = pair else { continue };
            message.add_answer(Record::from_rdata(name(from), 60, RData::CNAME(CNAME(name(to)))));
        }
        if message.queries.first().unwrap().query_type() != RecordType::CNAME {
            let last = name(chain.last().unwrap());
            message
                .add_answers(records.iter().map(|data| Record::from_rdata(last.clone(), 60, data.clone())));
        }
    }

    /// A resolver that asks a server on loopback; the server ends with the runtime of the test.
    async fn resolver(says: Says) -> Resolver {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let over_tcp = says.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                if let Some(reply) = reply(&says, buffer.get(..length).unwrap(), true) {
                    udp.send_to(&reply, from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                answer(stream, &over_tcp).await;
            }
        });
        asking(ResolverChoice::At(address), RootCertStore::empty())
    }

    /// Answers the first question of a connection, with a length before each message (RFC 1035, section 4.2.2).
    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, says: &Says) {
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        let Some(reply) = reply(says, &question, false) else { return };
        stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    }

    /// Answers the first question of a connection over HTTP/2 (RFC 8484), and says what was asked for.
    async fn answer_http2<S: AsyncRead + AsyncWrite + Unpin>(stream: S, says: &Says) -> String {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (mut request, mut respond) = connection.accept().await.unwrap().unwrap();
        let asked = format!("{} {}", request.method(), request.uri());
        let question = tokio::select! {
            data = request.body_mut().data() => data.unwrap().unwrap(),
            _ = connection.accept() => panic!("one request alone"),
        };
        let reply = reply(says, &question, false).unwrap();
        let head = Response::builder()
            .header("content-type", "application/dns-message")
            .header("content-length", reply.len());
        let mut body = respond.send_response(head.body(()).unwrap(), false).unwrap();
        body.send_data(reply.into(), true).unwrap();
        while connection.accept().await.is_some() {}
        asked
    }

    /// A listener on loopback, its acceptor of TLS, and roots that trust it.
    async fn tls_server(alpn: &[u8]) -> (TcpListener, TlsAcceptor, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener, TlsAcceptor::from(Arc::new(config)), roots)
    }

    /// With less patience than a real network needs.
    fn asking(choice: ResolverChoice, roots: RootCertStore) -> Resolver {
        let limits = Limits {
            question: Duration::from_secs(2),
            each_try: Duration::from_millis(500),
            retries: 1,
            ..LIMITS
        };
        Resolver { limits, ..Resolver::new(choice, Arc::new(roots)) }
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn mx(preference: u16, host: &str) -> RData {
        RData::MX(MX::new(preference, name(host)))
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> RData {
        RData::SRV(SRV::new(priority, weight, port, name(target)))
    }

    async fn exchangers(says: Says) -> Result<Vec<String>, Failure> {
        let found = resolver(says).await.mx(&domain("example.org")).await?;
        let host = |mx: &Mx| mx.host.as_ref().map_or(".".to_owned(), Domain::to_string);
        Ok(found.iter().map(|mx| format!("{} {}", mx.preference, host(mx))).collect())
    }

    async fn servers(says: Says) -> Result<Vec<String>, Failure> {
        let found = resolver(says).await.srv("_imaps", &domain("example.org")).await?;
        let target = |srv: &Srv| match &srv.target {
            Some((host, port)) => format!("{host}:{port}"),
            None => ".".to_owned(),
        };
        Ok(found.iter().map(|srv| format!("{} {} {}", srv.priority, srv.weight, target(srv))).collect())
    }

    async fn texts(says: Says) -> Result<Vec<String>, Failure> {
        resolver(says).await.txt(Some("_ua-auto-config"), &domain("example.org")).await
    }

    #[tokio::test]
    async fn absent_and_failed_stay_apart() {
        for (says, cause, temporary, words) in [
            (Says::Code(ResponseCode::NXDomain), Cause::NoSuchHost, false, "does not exist (NXDOMAIN)"),
            (Says::Records(Vec::new()), Cause::NoAddress, false, "has no SRV record"),
            (Says::Code(ResponseCode::ServFail), Cause::Resolver, true, "Server Failure"),
            (Says::Code(ResponseCode::Refused), Cause::Resolver, true, "Refused"),
            (Says::Nothing, Cause::Resolver, true, "did not answer"),
        ] {
            let failure = servers(says).await.unwrap_err();
            assert_eq!(
                (failure.stage, &failure.cause, failure.temporary),
                (Stage::Dns, &cause, temporary),
                "{failure}"
            );
            assert!(failure.reason.contains(words), "{failure}");
            assert!(failure.reason.contains("_imaps._tcp.example.org"), "{failure}");
        }
    }

    #[tokio::test]
    async fn exchangers_are_sorted_and_null_mx_is_no_host() {
        let several =
            vec![mx(20, "b.example."), mx(10, "B.example."), mx(10, "a.example."), mx(5, "a_b.example.")];
        let sorted = ["10 a.example", "10 b.example", "20 b.example"];
        assert_eq!(exchangers(Says::Records(several)).await.unwrap(), sorted);
        assert_eq!(exchangers(Says::Records(vec![mx(0, ".")])).await.unwrap(), ["0 ."]);
        let failure = exchangers(Says::Records(vec![mx(5, "a_b.example.")])).await.unwrap_err();
        assert_eq!(failure.cause, Cause::NoAddress);
    }

    #[tokio::test]
    async fn servers_are_in_the_order_to_try_them() {
        let several = vec![
            srv(10, 0, 993, "d.example."),
            srv(0, 0, 993, "c.example."),
            srv(0, 5, 993, "b.example."),
            srv(0, 5, 993, "a.example."),
            srv(0, 9, 0, "port-zero.example."),
        ];
        let order = ["0 5 a.example:993", "0 5 b.example:993", "0 0 c.example:993", "10 0 d.example:993"];
        assert_eq!(servers(Says::Records(several)).await.unwrap(), order);
        assert_eq!(servers(Says::Records(vec![srv(0, 0, 0, ".")])).await.unwrap(), ["0 0 ."]);
        let failure = servers(Says::Records(vec![srv(0, 0, 0, "a.example.")])).await.unwrap_err();
        assert_eq!(failure.cause, Cause::NoAddress);
    }

    #[tokio::test]
    async fn texts_are_joined_from_their_pieces() {
        let long = vec![b'x'; 255];
        let records = vec![
            RData::TXT(TXT::from_bytes(vec![b"v=UAAC1; a=sha256; ", b"d=abc"])),
            RData::TXT(TXT::from_bytes(vec![b"caf\xe9"])),
            RData::TXT(TXT::from_bytes(vec![long.as_slice(); 17])),
        ];
        let found = texts(Says::Truncated(records)).await.unwrap();
        assert_eq!(found, ["v=UAAC1; a=sha256; d=abc", "caf\u{fffd}"]);
    }

    #[tokio::test]
    async fn aliases_are_followed() {
        let text = RData::TXT(TXT::new(vec!["here".to_owned()]));
        let chain = &["_ua-auto-config.example.org.", "one.example.net.", "texts.example.net."];
        assert_eq!(texts(Says::Aliases(chain, vec![text])).await.unwrap(), ["here"]);
        let chain = &["example.org.", "mail.example.net."];
        let found = exchangers(Says::Aliases(chain, vec![mx(10, "a.example.")])).await;
        assert_eq!(found.unwrap(), ["10 a.example"]);
    }

    #[tokio::test]
    async fn srv_records_behind_an_alias_were_absent() {
        for chain in [
            &["_imaps._tcp.example.org.", "_imaps._tcp.example.net."][..],
            &["_imaps._tcp.example.org.", "one.example.net.", "two.example.net.", "_imaps._tcp.example.net."],
        ] {
            let found = servers(Says::Aliases(chain, vec![srv(0, 1, 993, "a.example.")])).await;
            assert_eq!(found.unwrap(), ["0 1 a.example:993"], "{chain:?}");
            let failure = servers(Says::Aliases(chain, Vec::new())).await.unwrap_err();
            assert_eq!(failure.cause, Cause::NoAddress, "{failure}");
        }
    }

    #[tokio::test]
    async fn a_truncated_answer_is_asked_for_over_tcp() {
        let records: Vec<RData> = (0..100).map(|index| mx(index, "a-long-name.example.")).collect();
        assert_eq!(exchangers(Says::Truncated(records)).await.unwrap().len(), 100);
    }

    #[tokio::test]
    async fn records_are_bounded_in_number() {
        let records: Vec<RData> = (0..1_000).map(|index| mx(index, "a.example.")).collect();
        assert_eq!(exchangers(Says::Truncated(records)).await.unwrap().len(), MAX_RECORDS);
    }

    #[tokio::test]
    async fn a_name_too_long_for_dns_does_not_exist() {
        let longest =
            [("a", 63), ("b", 63), ("c", 63), ("d", 61)].map(|(letter, count)| letter.repeat(count));
        let resolver = resolver(Says::Nothing).await;
        let failure = resolver.srv("_imaps", &domain(&longest.join("."))).await.unwrap_err();
        assert_eq!((failure.cause, failure.temporary), (Cause::NoSuchHost, false));
    }

    #[tokio::test]
    async fn a_resolver_behind_tls_is_asked() {
        let (listener, acceptor, roots) = tls_server(b"dot").await;
        let choice = format!("tls://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            answer(acceptor.accept(stream).await.unwrap(), &Says::Records(vec![mx(10, "a.example.")])).await;
        });
        let resolver = asking(ResolverChoice::parse(&choice).unwrap(), roots);
        assert_eq!(resolver.mx(&domain("example.org")).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn questions_side_by_side_share_one_connection_behind_tls() {
        let (listener, acceptor, roots) = tls_server(b"dot").await;
        let choice = format!("tls://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            tokio::select! {
                () = async { loop { answer(&mut stream, &Says::Records(vec![mx(10, "a.example.")])).await } } => {}
                _ = listener.accept() => panic!("a second connection"),
            }
        });
        let resolver = asking(ResolverChoice::parse(&choice).unwrap(), roots);
        let names: Vec<Domain> = (0..20).map(|index| domain(&format!("d{index}.example"))).collect();
        let answers = futures_util::future::join_all(names.iter().map(|name| resolver.mx(name))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert!(!server.is_finished(), "a second connection");
        server.abort();
    }

    #[tokio::test]
    async fn a_resolver_behind_https_is_asked() {
        let (listener, acceptor, roots) = tls_server(b"h2").await;
        let choice = format!("https://{}/a1b2", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let says = Says::Records(vec![mx(10, "a.example.")]);
            answer_http2(acceptor.accept(stream).await.unwrap(), &says).await
        });
        let resolver = asking(ResolverChoice::parse(&choice).unwrap(), roots);
        assert_eq!(resolver.mx(&domain("example.org")).await.unwrap().len(), 1);
        drop(resolver);
        assert_eq!(server.await.unwrap(), "POST https://127.0.0.1/a1b2");
    }

    #[tokio::test]
    async fn a_resolver_whose_certificate_is_not_trusted_is_a_failure() {
        let (listener, acceptor, _) = tls_server(b"dot").await;
        let choice = format!("tls://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                assert!(acceptor.accept(stream).await.is_err());
            }
        });
        let resolver = asking(ResolverChoice::parse(&choice).unwrap(), RootCertStore::empty());
        let failure = resolver.mx(&domain("example.org")).await.unwrap_err();
        assert_eq!((&failure.cause, failure.temporary), (&Cause::Resolver, true));
        assert!(failure.reason.contains("or its certificate is not trusted"), "{failure}");
    }
}
