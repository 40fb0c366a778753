//! What more than one daemon needs: status update streams, HTTP clients, drivers.
