//! Bodies on their way: nothing is worked on while a request waits for its body, or while a client reads its answer.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::Version,
    rt::task::JoinHandle,
    web::Bytes,
};
use futures_util::Stream;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};

use super::{Limits, ticket::Ticket};

/// Has `request` give its turn up for as long as it waits for its body.
pub(super) fn wait_without_a_turn(request: &mut ServiceRequest, ticket: &Arc<Ticket>) {
    if matches!(request.parts().1, Payload::None) {
        return;
    }
    let body = Patient { inner: request.take_payload(), ticket: Arc::clone(ticket), came: None };
    request.set_payload(Payload::from(Box::pin(body) as Pin<Box<dyn Stream<Item = _>>>));
}

type Piece = Option<Result<Bytes, PayloadError>>;

/// Ends when the request has its turn again.
type ItsTurn = Pin<Box<dyn Future<Output = ()>>>;

/// A request's body.
struct Patient {
    inner: Payload,
    ticket: Arc<Ticket>,
    /// What came while it was not worked on, and the wait for its turn.
    came: Option<(Piece, ItsTurn)>,
}

impl Stream for Patient {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Piece> {
        if self.came.is_none() {
            let Poll::Ready(piece) = Pin::new(&mut self.inner).poll_next(context) else {
                self.ticket.pause();
                return Poll::Pending;
            };
            if self.ticket.try_resume() {
                return Poll::Ready(piece);
            }
            let ticket = Arc::clone(&self.ticket);
            self.came = Some((piece, Box::pin(async move { ticket.resume().await })));
        }
        let Some((_, turn)) = &mut self.came else { return Poll::Pending };
        match turn.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(self.came.take().and_then(|(piece, _)| piece)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// HTTP/1.1 takes so much of an answer at once, whether or not the client reads.
const AT_ONCE: u64 = 32 * 1024;

/// Room for a long answer while it is sent; none is needed for a short one. An error if there is none.
pub(super) fn room(size: BodySize, ticket: &Ticket, limits: &Limits) -> Result<Option<OwnedSemaphorePermit>, NoRoom> {
    match size {
        BodySize::Sized(bytes) if bytes > AT_ONCE => ticket.hold(bytes, limits).map(Some).ok_or(NoRoom),
        // What is made while it is sent is never held whole.
        _ => Ok(None),
    }
}

/// The tenant's answers that are not read yet take all that there is.
#[derive(Debug)]
pub(super) struct NoRoom;

/// The body of an answer to a request of `version`, for which `ticket` counts until its last byte is sent, its client is gone, or
/// the client took nothing of it for [`Limits::write_within`].
pub(super) fn answer(
    version: Version,
    body: BoxBody,
    ticket: Arc<Ticket>,
    room: Option<OwnedSemaphorePermit>,
    limits: &Limits,
) -> BoxBody {
    let is_short = matches!(body.size(), BodySize::None | BodySize::Sized(..=AT_ONCE)) && version < Version::HTTP_2;
    let left = match body.size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    };
    let held = RefCell::new(Some(Held { body, rest: Bytes::new(), _room: room, _ticket: ticket }));
    let sending = Rc::new(Sending { taken_at: Cell::new(Some(Instant::now())), left: Cell::new(left), held });
    let watch = (!is_short).then(|| actix_web::rt::spawn(give_up_stalled(Rc::clone(&sending), limits.write_within)));
    BoxBody::new(Answer { sending, watch })
}

struct Answer {
    sending: Rc<Sending>,
    /// Looks whether the client reads.
    watch: Option<JoinHandle<()>>,
}

struct Sending {
    /// When the last piece was taken; `None` while there is none to be taken.
    taken_at: Cell<Option<Instant>>,
    /// How many bytes are still to be handed over, if that is known.
    left: Cell<Option<u64>>,
    /// `None`: given up.
    held: RefCell<Option<Held>>,
}

struct Held {
    body: BoxBody,
    /// What of the body's last piece is not handed over yet: a list is one piece of many megabytes, and a client that reads it
    /// slowly reads all the same.
    rest: Bytes,
    _room: Option<OwnedSemaphorePermit>,
    _ticket: Arc<Ticket>,
}

async fn give_up_stalled(sending: Rc<Sending>, within: Duration) {
    loop {
        let since = sending.taken_at.get().unwrap_or_else(Instant::now);
        if since.elapsed() >= within {
            break;
        }
        sleep_until(since + within).await;
    }
    tracing::info!("given up: the client does not read its answer");
    sending.held.take();
}

impl MessageBody for Answer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.sending.held.borrow().as_ref().map_or(BodySize::Stream, |held| held.body.size())
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(held) = &mut *self.sending.held.borrow_mut() else {
            // The connection is closed with an error: the client must not take what it has for the whole.
            let all = self.sending.left.get() == Some(0);
            return Poll::Ready((!all).then(|| Err(io::Error::from(io::ErrorKind::TimedOut).into())));
        };
        if held.rest.is_empty() {
            match Pin::new(&mut held.body).poll_next(context) {
                Poll::Ready(Some(Ok(piece))) => held.rest = piece,
                other => {
                    self.sending.taken_at.set(other.is_ready().then(Instant::now));
                    return other;
                }
            }
        }
        let length = held.rest.len().min(AT_ONCE as usize);
        let piece = held.rest.split_to(length);
        self.sending.left.set(self.sending.left.get().map(|left| left.saturating_sub(length as u64)));
        self.sending.taken_at.set(Some(Instant::now()));
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
            self.sending.held.take();
        }
    }
}
