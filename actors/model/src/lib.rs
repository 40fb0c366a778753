//! The pure nouns of Mesos: ids, resources, roles, attributes, task states, and their validation.
