//! sea-orm entities, repositories, and filters as SQL. The only crate, with the migrations, that knows SQL.
