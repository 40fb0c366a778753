//! Command line programs: mesos-local, mesos-execute.
