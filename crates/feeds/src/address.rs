//! Addresses of images and pages: what can be helped is helped, what cannot is left out with a
//! remark, and never takes its product with it.

use std::borrow::Cow;
use std::fmt::Write as _;

use catalog::{Product, WarningCode};

use crate::quality::TEXT_CHARS;
use crate::reason::shorten;
use crate::remarks::Remarks;

/// Makes every address of a product one that a browser can use.
pub(crate) fn mend(product: &mut Product, remarks: &mut Remarks) {
    mend_images(&mut product.images, remarks);
    for variant in &mut product.variants {
        mend_images(&mut variant.images, remarks);
    }
    if let Some(url) = &product.url {
        match page(url) {
            Ok(Cow::Borrowed(_)) => {}
            Ok(Cow::Owned(helped)) => product.url = Some(helped),
            Err(why) => {
                remarks.add(WarningCode::AddressLeftOut, || left_out("address of the product's page", url, why));
                product.url = None;
            }
        }
    }
}

fn mend_images(images: &mut Vec<String>, remarks: &mut Remarks) {
    if images.iter().all(|address| is_plain(address)) {
        return;
    }
    let mut usable: Vec<String> = Vec::with_capacity(images.len());
    for address in images.drain(..) {
        match image(&address) {
            Ok(helped) if usable.iter().any(|known| *known == helped) => {}
            Ok(helped) => usable.push(helped.into_owned()),
            Err(why) => remarks.add(WarningCode::AddressLeftOut, || left_out("image", &address, why)),
        }
    }
    *images = usable;
}

fn left_out(what: &str, address: &str, why: &str) -> String {
    let shown: String = shorten(address, 120).chars().flat_map(char::escape_debug).collect();
    format!("the {what} was left out, because {why}: {shown}")
}

/// Whether an address is as it should be, as most are.
fn is_plain(address: &str) -> bool {
    address.len() <= TEXT_CHARS
        && address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// An image's address as `https://…`.
pub(crate) fn image(address: &str) -> Result<Cow<'_, str>, &'static str> {
    let address = address.trim();
    if is_plain(address) {
        return Ok(Cow::Borrowed(address));
    }
    let rest = match scheme(address) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
            rest.strip_prefix("//").ok_or("no host stands in it")?
        }
        Some(_) => return Err("its scheme is not https"),
        None => match address.strip_prefix("//") {
            Some(rest) => rest,
            None if begins_with_host(address) => address,
            None => return Err("it is relative, and nobody can tell to what"),
        },
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err("no host stands in it");
    }
    encoded(format!("https://{rest}")).map(Cow::Owned)
}

/// The address of a page: whatever its scheme, but without white space.
fn page(address: &str) -> Result<Cow<'_, str>, &'static str> {
    if address.len() <= TEXT_CHARS && !address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Ok(Cow::Borrowed(address));
    }
    encoded(address.trim().to_owned()).map(Cow::Owned)
}

/// White space as a browser sends it.
fn encoded(address: String) -> Result<String, &'static str> {
    if address.contains(|c: char| c.is_control()) {
        return Err("a control character stands in it");
    }
    let mut encoded = String::with_capacity(address.len());
    for c in address.chars() {
        if c.is_whitespace() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(encoded, "%{byte:02X}");
            }
        } else {
            encoded.push(c);
        }
    }
    if encoded.chars().count() > TEXT_CHARS { Err("it is longer than 2,000 characters") } else { Ok(encoded) }
}

/// What stands before a colon, where that is a scheme; `host:8080/` has none.
fn scheme(address: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = address.split_once(':')?;
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(of_scheme);
    let is_port = scheme.contains('.') && rest.starts_with(|c: char| c.is_ascii_digit());
    (is_scheme && !is_port).then_some((scheme, rest))
}

/// Whether an address without a scheme begins with the name of a host and goes on behind it:
/// `img.example.com/a.jpg`, not `a.jpg` or `images/a.jpg`.
fn begins_with_host(address: &str) -> bool {
    let Some((host, _)) = address.split_once('/') else { return false };
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
    };
    let top = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && name.split('.').all(label) && top.len() > 1 && top.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_helped_is_helped() {
        for (address, helped) in [
            ("https://img.example.com/good.jpg", "https://img.example.com/good.jpg"),
            ("https://img.example.com/new photo.jpg", "https://img.example.com/new%20photo.jpg"),
            ("https://img.example.com/new\u{a0}photo.jpg", "https://img.example.com/new%C2%A0photo.jpg"),
            ("img.example.com/a.jpg", "https://img.example.com/a.jpg"),
            ("img.example.com:8080/a.jpg", "https://img.example.com:8080/a.jpg"),
            ("//img.example.com/a.jpg", "https://img.example.com/a.jpg"),
            ("HTTP://img.example.com/a.jpg", "https://img.example.com/a.jpg"),
            ("HTTPS://img.example.com/a.jpg", "https://img.example.com/a.jpg"),
            (" https://img.example.com/a.jpg\n", "https://img.example.com/a.jpg"),
            ("https://img.example.com/صورة.jpg", "https://img.example.com/صورة.jpg"),
        ] {
            assert_eq!(image(address).as_deref(), Ok(helped), "{address}");
        }
    }

    #[test]
    fn what_cannot_be_helped_says_why() {
        let long = format!("https://img.example.com/{}.jpg", "p".repeat(2_100));
        for (address, why) in [
            ("ftp://img.example.com/y.jpg", "scheme"),
            ("data:image/png;base64,AA", "scheme"),
            ("javascript:alert(1)", "scheme"),
            ("/images/rel.jpg", "relative"),
            ("images/rel.jpg", "relative"),
            ("rel.jpg", "relative"),
            ("../rel.jpg", "relative"),
            ("https://", "host"),
            ("https:///a.jpg", "host"),
            ("https:img.example.com/a.jpg", "host"),
            ("https://img example.com/a.jpg", "host"),
            ("https://img.example.com/a\u{0}.jpg", "control"),
            ("https://img.example.com/a\nb.jpg", "control"),
            (&long, "longer"),
        ] {
            let said = image(address).unwrap_err();
            assert!(said.contains(why), "{address}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_an_address_and_stays_one(address in "(https?:|ftp:)?(//)?[a-z. \u{0}\u{a0}/]{0,12}\\PC{0,8}") {
            if let Ok(helped) = image(&address) {
                prop_assert!(helped.starts_with("https://") && helped.len() > 8);
                prop_assert!(!helped.contains(|c: char| c.is_whitespace() || c.is_control()), "{}", helped);
                prop_assert_eq!(image(&helped), Ok(Cow::Borrowed(&*helped)));
            }
        }
    }
}
