//! Configuration, telemetry, health, shutdown and the HTTP bootstrap that every role shares.
