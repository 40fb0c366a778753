//! Where a daemon listens and what it calls itself (S41, L42).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use runtime::flags::{FlagError, Flags};
use thiserror::Error;
use tracing::warn;

/// The addresses of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What pids say, if it differs.
    pub advertise: Option<SocketAddr>,
    /// The host name to advertise.
    pub hostname: String,
    /// Whether messages are refused whose sender is not at the other end of the
    /// connection (L10).
    pub require_peer_address_match: bool,
}

/// The addresses cannot be made out.
#[derive(Debug, Error)]
pub enum AddressError {
    /// A flag is off.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// A flag or variable holds no IP address.
    #[error("'{value}' of {name} is not an IP address")]
    NotAnIp {
        /// The flag or variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A variable holds no boolean.
    #[error("'{value}' of {name} is not a boolean: expected true or false")]
    NotABool {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A variable holds no port.
    #[error("'{value}' of {name} is not a port")]
    NotAPort {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
}

impl Address {
    /// Reads `--ip`, `--port`, `--advertise_ip`, `--advertise_port`, `--hostname` and the
    /// LIBPROCESS variables, which flags go before. `variable` reads the environment.
    pub fn resolve(
        flags: &Flags,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AddressError> {
        let ip = match flags.get::<Option<String>>("ip")? {
            Some(ip) => Some(parse_ip("--ip", &ip)?),
            None => ip_variable("LIBPROCESS_IP", &variable)?,
        };
        let port = match port_variable("LIBPROCESS_PORT", &variable)? {
            Some(port) if port != 0 && !flags.is_given("port") => port,
            _ => flags.get::<u16>("port")?,
        };
        let listen_ip = ip.unwrap_or_else(own_ip);
        let advertise_ip = match flags.get::<Option<String>>("advertise_ip")? {
            Some(ip) => Some(parse_ip("--advertise_ip", &ip)?),
            None => ip_variable("LIBPROCESS_ADVERTISE_IP", &variable)?,
        };
        let advertise_port = match flags.get::<Option<u16>>("advertise_port")? {
            Some(port) => Some(port),
            None => port_variable("LIBPROCESS_ADVERTISE_PORT", &variable)?,
        };
        let public_ip = advertise_ip.unwrap_or(if listen_ip.is_unspecified() {
            own_ip()
        } else {
            listen_ip
        });
        let advertise =
            (advertise_ip.is_some() || advertise_port.is_some() || public_ip != listen_ip)
                .then(|| SocketAddr::new(public_ip, advertise_port.unwrap_or(port)));
        let hostname = match flags.get::<Option<String>>("hostname")? {
            Some(hostname) => hostname,
            None if flags.get::<bool>("hostname_lookup")? => host_name(public_ip),
            None => public_ip.to_string(),
        };
        Ok(Self {
            listen: SocketAddr::new(listen_ip, port),
            advertise,
            hostname,
            require_peer_address_match: bool_variable(
                "LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH",
                &variable,
            )?,
        })
    }

    /// Warns of an address that other hosts cannot reach (U4): loopback, as Debian's
    /// `127.0.1.1` for the host's own name.
    pub fn warn_if_unreachable(&self, peer: &str) {
        let public = self.advertise.unwrap_or(self.listen).ip();
        if self.is_unreachable(peer) {
            warn!(
                "advertising {public}, which other hosts cannot reach, while {peer} is elsewhere: \
                 set --ip or --advertise_ip to an address of this host"
            );
        }
    }

    /// Whether `peer`, an address such as `host:port`, is on another host, which cannot reach
    /// this daemon.
    fn is_unreachable(&self, peer: &str) -> bool {
        let public = self.advertise.unwrap_or(self.listen).ip();
        public.is_loopback() && !is_here(peer)
    }
}

fn is_here(peer: &str) -> bool {
    let address = peer.rsplit_once('@').map_or(peer, |(_, address)| address);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host.is_empty() || host == "localhost" || host.parse().is_ok_and(is_loopback)
}

fn parse_ip(name: &'static str, value: &str) -> Result<IpAddr, AddressError> {
    value.trim().parse().map_err(|_| AddressError::NotAnIp {
        name,
        value: value.to_owned(),
    })
}

fn ip_variable(
    name: &'static str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Option<IpAddr>, AddressError> {
    variable(name)
        .map(|value| parse_ip(name, &value))
        .transpose()
}

fn port_variable(
    name: &'static str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Option<u16>, AddressError> {
    variable(name)
        .map(|value| {
            value.trim().parse().map_err(|_| AddressError::NotAPort {
                name,
                value: value.clone(),
            })
        })
        .transpose()
}

fn bool_variable(
    name: &'static str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<bool, AddressError> {
    match variable(name).as_deref().map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(value) => Err(AddressError::NotABool {
            name,
            value: value.to_owned(),
        }),
    }
}

/// The address that packets to other hosts would leave from; loopback without a network.
fn own_ip() -> IpAddr {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else {
        return loopback;
    };
    // Nothing is sent: connecting a datagram socket only asks the routing table.
    let documentation_only = (Ipv4Addr::new(192, 0, 2, 1), 9);
    match socket
        .connect(documentation_only)
        .and_then(|()| socket.local_addr())
    {
        Ok(address) if !address.ip().is_unspecified() => address.ip(),
        _ => loopback,
    }
}

/// The host's name: `localhost` for loopback, else what the system calls itself if that
/// name leads to the address, else the address.
fn host_name(ip: IpAddr) -> String {
    if ip.is_loopback() {
        return "localhost".to_owned();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let leads_here = (name, 0)
        .to_socket_addrs()
        .is_ok_and(|mut addresses| addresses.any(|address| address.ip() == ip));
    if leads_here {
        name.to_owned()
    } else {
        ip.to_string()
    }
}

#[cfg(test)]
mod tests {
    use runtime::flags::{Flag, Loaded, Program};

    use super::*;
    use crate::daemon::COMMON;

    const PROGRAM: Program = Program {
        name: "test",
        version: "0",
        environment_prefix: "TEST_",
        flags: &[COMMON, &[Flag::integer("port", "Port.").default("5050")]],
    };

    fn resolve(args: &[&str], variables: &[(&str, &str)]) -> Result<Address, AddressError> {
        let args = args.iter().map(|&arg| arg.to_owned());
        let none: [(String, String); 0] = [];
        let loaded = PROGRAM.load(args, none, |path| std::fs::read_to_string(path));
        let Ok(Loaded::Run(flags)) = loaded else {
            panic!("{loaded:?}");
        };
        let variable = |name: &str| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        Address::resolve(&flags, variable)
    }

    #[test]
    fn flags_go_before_variables() {
        let variables = [
            ("LIBPROCESS_IP", "127.0.0.9"),
            ("LIBPROCESS_PORT", "6000"),
            ("LIBPROCESS_ADVERTISE_IP", "10.1.1.1"),
            ("LIBPROCESS_ADVERTISE_PORT", "7000"),
            ("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH", "true"),
        ];
        let address = resolve(&[], &variables).unwrap();
        assert_eq!(address.listen, "127.0.0.9:6000".parse().unwrap());
        assert_eq!(address.advertise, "10.1.1.1:7000".parse().ok());
        assert!(address.require_peer_address_match);
        let flags = [
            "--ip=127.0.0.1",
            "--port=1",
            "--advertise_ip=10.2.2.2",
            "--advertise_port=2",
        ];
        let address = resolve(&flags, &variables).unwrap();
        assert_eq!(address.listen, "127.0.0.1:1".parse().unwrap());
        assert_eq!(address.advertise, "10.2.2.2:2".parse().ok());
        let address = resolve(&["--ip=127.0.0.1"], &[]).unwrap();
        assert_eq!(
            (address.advertise, address.hostname.as_str()),
            (None, "localhost")
        );
        assert!(!address.require_peer_address_match);
    }

    #[test]
    fn bad_values_are_named() {
        for (name, value) in [
            ("LIBPROCESS_IP", "here"),
            ("LIBPROCESS_PORT", "65536"),
            ("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH", "maybe"),
        ] {
            let error = resolve(&["--ip=127.0.0.1"], &[(name, value)]);
            let error = if name == "LIBPROCESS_IP" {
                resolve(&[], &[(name, value)])
            } else {
                error
            };
            let text = error.unwrap_err().to_string();
            assert!(text.contains(name) && text.contains(value), "{text}");
        }
    }

    #[test]
    fn an_address_that_others_cannot_reach_is_found() {
        let address = resolve(&["--ip=127.0.1.1"], &[]).unwrap();
        for elsewhere in [
            "10.0.0.1:5050",
            "master.example:5050",
            "master@10.0.0.1:5050",
        ] {
            assert!(address.is_unreachable(elsewhere), "{elsewhere}");
        }
        for here in [
            "",
            "127.0.0.1:5050",
            "localhost:5050",
            "master@127.0.1.1:5050",
        ] {
            assert!(!address.is_unreachable(here), "{here}");
        }
        let address = resolve(&["--ip=127.0.1.1", "--advertise_ip=10.0.0.2"], &[]).unwrap();
        assert!(!address.is_unreachable("10.0.0.1:5050"));
    }
}
