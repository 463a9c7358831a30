//! For tests only: databases, the application in a process, clocks.
