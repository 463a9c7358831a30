//! Request bodies: bounded in size and in the time that they take to arrive, whoever reads them.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::{StatusCode, header},
    web::{Bytes, BytesMut},
};
use futures_util::{Stream, StreamExt};
use tokio::time::Sleep;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than allowed.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// It did not arrive in time.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// The connection broke, or the encoding is wrong.
    #[error("the request body could not be read to its end")]
    Broken(#[source] PayloadError),
}

impl BodyError {
    /// 413, 408 or 400.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a whole body of at most `limit` bytes; the server's own bound holds too.
///
/// # Errors
/// [`BodyError`]
pub async fn read_body<S>(mut payload: S, limit: usize) -> Result<Bytes, BodyError>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => BodyError::TooLarge { limit },
            PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => BodyError::TooSlow,
            other => BodyError::Broken(other),
        })?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A request's body that more than one can hold: who forwards it may try another address as long as nothing of it was
/// read, and who answered early can read what is left.
#[derive(Clone)]
pub struct SharedBody(Rc<RefCell<State>>);

struct State {
    payload: Payload,
    /// Whether anything was taken out of it.
    touched: bool,
    ended: bool,
    failure: Option<BodyError>,
}

impl SharedBody {
    /// Takes the body over.
    pub fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(State { payload, touched: false, ended: false, failure: None })))
    }

    /// Whether nothing was read yet, so that it can still be sent elsewhere.
    pub fn is_whole(&self) -> bool {
        !self.0.borrow().touched
    }

    /// Why it could not be read to its end, if so. `limit` is for the error.
    pub fn failure(&self, limit: usize) -> Option<BodyError> {
        match self.0.borrow_mut().failure.take()? {
            BodyError::TooLarge { .. } => Some(BodyError::TooLarge { limit }),
            other => Some(other),
        }
    }

    /// Reads what is left and forgets it.
    pub async fn drain(mut self) {
        while !self.0.borrow().ended && matches!(self.next().await, Some(Ok(_))) {}
    }
}

impl Stream for SharedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let state = &mut *self.0.borrow_mut();
        if state.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut state.payload).poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(_))) => state.touched = true,
            Poll::Ready(Some(Err(error))) => {
                (state.touched, state.ended) = (true, true);
                state.failure = Some(match error {
                    PayloadError::Overflow => BodyError::TooLarge { limit: 0 },
                    PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => BodyError::TooSlow,
                    _ => BodyError::Broken(PayloadError::Incomplete(None)),
                });
            }
            Poll::Ready(None) => state.ended = true,
            Poll::Pending => {}
        }
        polled
    }
}

/// Puts the server's bounds around the body of `request`.
pub(super) fn bound(request: &mut ServiceRequest, limit: usize, within: Duration) {
    if matches!(request.parts().1, Payload::None) {
        return;
    }
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Bounded {
        inner: request.take_payload(),
        // What announces itself as too large is not read at all.
        left: if announced.is_some_and(|length: usize| length > limit) { None } else { Some(limit) },
        within,
        deadline: None,
    };
    request.set_payload(Payload::from(Box::pin(body) as Pin<Box<dyn Stream<Item = _>>>));
}

struct Bounded {
    inner: Payload,
    /// Bytes that may still come; `None` once there were too many.
    left: Option<usize>,
    within: Duration,
    /// Set when somebody begins to read: a body that waits for a free handler is not slow.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream for Bounded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(left) = self.left else { return Poll::Ready(Some(Err(PayloadError::Overflow))) };
        match Pin::new(&mut self.inner).poll_next(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.left = left.checked_sub(chunk.len());
                let whole = if self.left.is_some() { Ok(chunk) } else { Err(PayloadError::Overflow) };
                Poll::Ready(Some(whole))
            }
            Poll::Ready(end) => Poll::Ready(end),
            Poll::Pending => {
                let within = self.within;
                let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
                deadline
                    .as_mut()
                    .poll(context)
                    .map(|()| Some(Err(PayloadError::Io(io::Error::from(io::ErrorKind::TimedOut)))))
            }
        }
    }
}
