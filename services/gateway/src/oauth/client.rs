//! How a client says who it is (RFC 6749 §2.3.1): by HTTP Basic authentication, or in the body.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use rollcall_access::{ClientId, ClientSecret};
use rollcall_base::SecretText;
use zeroize::Zeroizing;

use super::{
    error::{INVALID_CLIENT, OAuthError, invalid_request},
    form::Form,
};

/// A client, by its own word.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) client: ClientId,
    /// `None`: what was sent is no secret of this service.
    pub(super) secret: Option<ClientSecret>,
}

/// Who asks.
pub(super) fn read(headers: &HeaderMap, form: &Form) -> Result<Presented, OAuthError> {
    let (id, secret) = match basic(headers)? {
        Some((id, secret)) => {
            if form.client_secret.is_some() {
                return Err(invalid_request(
                    "The client authenticates twice: by HTTP Basic and in the body. Leave client_secret out of the body.",
                ));
            }
            if form.client_id.as_ref().is_some_and(|other| *other != id) {
                return Err(invalid_request("client_id in the body is another one than in the Authorization header."));
            }
            (id, secret)
        }
        None => match (&form.client_id, &form.client_secret) {
            (Some(id), Some(secret)) => (id.clone(), secret.clone()),
            _ => return Err(INVALID_CLIENT),
        },
    };
    let client = id.parse().map_err(|_| INVALID_CLIENT)?;
    Ok(Presented { client, secret: ClientSecret::parse(secret.expose()).ok() })
}

/// What stands in the Authorization header: RFC 7617, each part form-encoded before.
fn basic(headers: &HeaderMap) -> Result<Option<(String, SecretText)>, OAuthError> {
    let mut sent = headers.get_all(AUTHORIZATION);
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(invalid_request("There is more than one Authorization header."));
    }
    let value = value.to_str().map_err(|_| INVALID_CLIENT)?.trim();
    let (scheme, encoded) = value.split_once(' ').ok_or(INVALID_CLIENT)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(INVALID_CLIENT);
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| INVALID_CLIENT)?);
    let pair = std::str::from_utf8(&decoded).map_err(|_| INVALID_CLIENT)?;
    let (id, secret) = pair.split_once(':').ok_or(INVALID_CLIENT)?;
    Ok(Some((form_decoded(id)?, SecretText::new(form_decoded(secret)?))))
}

fn form_decoded(text: &str) -> Result<String, OAuthError> {
    let spaced = Zeroizing::new(text.replace('+', " "));
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| INVALID_CLIENT)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpMessage, test::TestRequest};
    use rollcall_base::{Id, SeededEntropy, Timestamp};

    use super::*;

    fn client() -> (String, String) {
        let entropy = SeededEntropy::new(1);
        let id = ClientId(Id::new(Timestamp::from_micros(1), &entropy));
        (id.to_string(), ClientSecret::generate(&entropy).to_text().expose().to_owned())
    }

    fn of(authorization: &[&str], body: &str) -> Result<Presented, OAuthError> {
        let request = authorization
            .iter()
            .fold(TestRequest::post(), |request, value| request.append_header((AUTHORIZATION, *value)));
        read(request.to_request().headers(), &Form::parse(body.as_bytes()).unwrap())
    }

    fn code(authorization: &[&str], body: &str) -> &'static str {
        of(authorization, body).unwrap_err().code()
    }

    fn basic_of(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn both_ways_are_read_and_encoded_letters_mean_the_same() {
        let (id, secret) = client();
        let in_body = format!("client_id={id}&client_secret={secret}");
        let encoded = format!("{}:{}", id.replace('_', "%5F"), secret.replace('_', "%5f"));
        for (header, body) in [
            (None, in_body.as_str()),
            (Some(basic_of(&format!("{id}:{secret}"))), ""),
            (Some(basic_of(&encoded)), ""),
            (Some(basic_of(&format!("{id}:{secret}")).replace("Basic ", "basic  ")), ""),
            (Some(basic_of(&format!("{id}:{secret}"))), &format!("client_id={id}")),
        ] {
            let headers: Vec<&str> = header.iter().map(String::as_str).collect();
            let presented = of(&headers, body).unwrap();
            assert_eq!(presented.client.to_string(), id);
            assert_eq!(presented.secret.unwrap().to_text().expose(), secret);
        }
    }

    #[test]
    fn who_authenticates_twice_or_as_two_is_refused() {
        let (id, secret) = client();
        let header = basic_of(&format!("{id}:{secret}"));
        assert_eq!(code(&[&header], &format!("client_id={id}&client_secret={secret}")), "invalid_request");
        assert_eq!(code(&[&header], &format!("client_secret={secret}")), "invalid_request");
        assert_eq!(code(&[&header], "client_id=rcc_somebodyelse"), "invalid_request");
        assert_eq!(code(&[&header, &header], ""), "invalid_request");
    }

    #[test]
    fn who_does_not_authenticate_as_this_service_does_it_is_no_client() {
        let (id, secret) = client();
        for body in ["", &format!("client_id={id}"), &format!("client_secret={secret}"), "client_id=&client_secret="] {
            assert_eq!(code(&[], body), "invalid_client", "{body}");
        }
        for header in [
            "Basic",
            "Basic ",
            "Basic ???",
            &basic_of("without a colon"),
            &format!("Basic {}", STANDARD.encode([0xFF, 0xFE, b':', 0xFF])),
            &basic_of(&format!("{id}%FF:{secret}")),
            &basic_of(&format!("somebody:{secret}")),
            "Bearer rct_x",
        ] {
            assert_eq!(code(&[header], ""), "invalid_client", "{header}");
        }
        let body = format!("client_id={id}&client_secret=hunter2");
        assert!(of(&[], &body).unwrap().secret.is_none(), "that is for the token service to say");
    }
}
