//! Operators' event streams begin, live and end (V21).

use messages::v1::master::event;

use crate::connection::{StreamId, Token};
use crate::effect::Effect;
use crate::input::Timer;
use crate::limits::HEARTBEAT_INTERVAL;
use crate::master::Master;
use crate::operators;
use crate::turn::Turn;

impl Master {
    pub(crate) fn operator_subscribe(&mut self, turn: &mut Turn<'_, '_>, token: Token) {
        let stream = StreamId::new(turn.env.uuid());
        if let Some(oldest) = self.operators.add(stream, self.config.max_operator_streams) {
            turn.push(Effect::CloseStream(oldest));
        }
        turn.push(Effect::OpenStream { token, stream });
        turn.push(Effect::OperatorSubscribed { to: stream });
        self.operator_heartbeat(turn, stream);
    }

    pub(crate) fn operator_heartbeat(&self, turn: &mut Turn<'_, '_>, stream: StreamId) {
        if self.operators.contains(stream) {
            let event = operators::event(event::Type::Heartbeat).into();
            turn.push(Effect::Operator { to: stream, event });
            turn.timer(HEARTBEAT_INTERVAL, Timer::OperatorHeartbeat { stream });
        }
    }
}

#[cfg(test)]
mod tests;
