//! Where masters and ZooKeeper are (S69, S70).

use std::io;

use runtime::flags::{MasterLocator, ZkUrl, hide_credentials};

/// Nothing panics, and a URL in a log does not show its password.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, file) = text.split_once('\n').unwrap_or((&text, ""));
    let _ = MasterLocator::parse(text, |_| match file {
        "" => Err(io::ErrorKind::NotFound.into()),
        file => Ok(file.to_owned()),
    });
    if let Ok(url) = text.parse::<ZkUrl>() {
        assert!(!url.servers.is_empty());
        let shown = url.to_string();
        if let Some((_, password)) = url.credentials.as_deref().and_then(|c| c.split_once(':'))
            && password.len() > 8
            && password.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !format!("{}{}", url.servers.join(","), url.path).contains(password)
        {
            assert!(!shown.contains(password), "{shown}");
            assert!(!hide_credentials(text.trim()).contains(password));
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"127.0.0.1:5050",
        b"master@host:5050",
        b"zk://user:password1@a:1,b:2/mesos",
        b"zk://a:1/",
        b"file:///etc/master\nzk://a:1/mesos\n",
        b"file:///etc/master\nfile:///other",
    ])
}
