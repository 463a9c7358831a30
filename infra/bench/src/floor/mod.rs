//! The floor: what is left of the service when everything but HTTP and the database is taken away.
//!
//! The same framework, workers, pool, tables and indexes; for a read one statement that finds the same rows by the same
//! index and an answer of the same size; for a write one transaction that leaves the same rows. No authentication, no
//! schemas, no log, no metrics, no checks: what a client sends is believed.

mod answer;
mod body;
mod reads;
mod writes;

use std::{net::SocketAddr, thread};

use actix_web::{App, HttpResponse, HttpServer, ResponseError, http::StatusCode, web};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::error::Failure;

/// As many as `database.max_connections` says by default.
const CONNECTIONS: u32 = 16;

/// Serves until the process is ended.
pub(crate) fn serve(url: &str, listen: SocketAddr) -> Result<(), Failure> {
    let options: PgConnectOptions = url.parse()?;
    actix_web::rt::System::new().block_on(async move {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = pool.connect_with(options.statement_cache_capacity(256)).await?;
        let failed = || Failure::system(format!("the floor cannot listen on {listen}"));
        let server = HttpServer::new(move || App::new().app_data(web::Data::new(pool.clone())).configure(routes))
            .workers(thread::available_parallelism().map_or(1, usize::from))
            .keep_alive(std::time::Duration::from_secs(75))
            .bind(listen)
            .map_err(failed())?;
        server.run().await.map_err(failed())
    })
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/health/ready", web::get().to(HttpResponse::Ok))
        .route("/{directory}/Users", web::get().to(reads::user_by_name))
        .route("/{directory}/Users", web::post().to(writes::create_user))
        .route("/{directory}/Users/{id}", web::get().to(reads::user))
        .route("/{directory}/Users/{id}", web::patch().to(writes::patch_user))
        .route("/{directory}/UsersWithGroups", web::get().to(reads::page))
        .route("/{directory}/UsersWithGroups/{id}", web::get().to(reads::user_with_groups))
        .route("/{directory}/Groups", web::get().to(reads::group_by_name))
        .route("/{directory}/Groups", web::post().to(writes::create_group))
        .route("/{directory}/Groups/{id}", web::get().to(reads::group))
        .route("/{directory}/Groups/{id}", web::patch().to(writes::patch_group));
}

/// What the database refused.
#[derive(Debug, thiserror::Error)]
enum FloorError {
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Body(#[from] serde_json::Error),
}

impl ResponseError for FloorError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Database(sqlx::Error::RowNotFound) => StatusCode::NOT_FOUND,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests;
