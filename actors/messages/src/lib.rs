//! Every message that crosses a process boundary, made from the .proto files beside it.
