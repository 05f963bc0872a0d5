//! What the core asks for, answered as Malachite's own engine answers it.

use std::time::Duration;

use arc_malachitebft_app_channel::app::consensus::{
    ConsensusMsg, Effect, LivenessMsg, Resumable, Resume, VoteExtensionError,
};
use arc_malachitebft_app_channel::app::types::core::{LinearTimeouts, Timeout, TimeoutKind, ValueOrigin};
use arc_malachitebft_signing::{Signer, Verifier, VerifierExt};
use arc_malachitebft_sync::OutboundRequestId;

use super::log::Log;
use super::port::{Action, Channel, Packet, Port, To};
use super::replica::{Task, Tasks};
use super::timers::{Due, Timers};
use crate::codec::{WireForm, encode};
use crate::context::Ctx;
use crate::driver::EngineError;
use crate::driver::handler::Handler;
use crate::host::Host;
use crate::signing::{ChainSigner, ChainVerifier};

/// Everything of an engine but the core and sync.
pub(super) struct Around<'h, H> {
    pub(super) handler: Handler<'h, H>,
    pub(super) verifier: ChainVerifier,
    pub(super) signer: Option<ChainSigner>,
    pub(super) log: Log,
    pub(super) port: Port,
    pub(super) timers: Timers,
    pub(super) tasks: Tasks,
    pub(super) timeouts: LinearTimeouts,
    /// Whether votes are cast at this height; who does not vote keeps no log.
    pub(super) votes: bool,
    /// Whether the log is being replayed, and nothing written to it.
    pub(super) replaying: bool,
    /// When this height started, and how long it is to take.
    pub(super) pace: (Duration, Option<Duration>),
    /// The request that brought the block that the core is looking at.
    pub(super) request: Option<OutboundRequestId>,
    /// Why this engine must stop; nothing leaves it from then on.
    pub(super) failure: Option<EngineError>,
}

/// An effect that was not carried out; [`Around::failure`] says why.
#[derive(Debug)]
pub(super) struct Failed;

impl<H: Host> Around<'_, H> {
    pub(super) async fn carry_out(&mut self, effect: Effect<Ctx>) -> Result<Resume<Ctx>, Failed> {
        if self.failure.is_some() {
            return Err(Failed);
        }
        match self.answer(effect).await {
            Ok(resume) => Ok(resume),
            Err(error) => {
                self.failure = Some(error);
                Err(Failed)
            }
        }
    }

    async fn answer(&mut self, effect: Effect<Ctx>) -> Result<Resume<Ctx>, EngineError> {
        Ok(match effect {
            Effect::CancelAllTimeouts(r) => {
                self.timers.cancel_steps();
                r.resume_with(())
            }
            Effect::CancelTimeout(timeout, r) => {
                self.timers.cancel(&Due::Step(timeout));
                r.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, r) => {
                self.timers.start(&self.port, Due::Step(timeout), self.duration(timeout));
                r.resume_with(())
            }
            Effect::StartRound(height, round, proposer, _, r) => {
                self.flush()?;
                for value in self.handler.started_round(height, round, proposer).await? {
                    self.tasks.push_back(Task::Proposed(value, ValueOrigin::Consensus));
                }
                r.resume_with(())
            }
            Effect::GetValue(height, round, _, r) => {
                self.tasks.push_back(Task::GetValue(height, round));
                r.resume_with(())
            }
            Effect::RestreamProposal(_, round, valid_round, _, block, r) => {
                self.tasks.push_back(Task::Restream(round, valid_round, block));
                r.resume_with(())
            }
            Effect::PublishConsensusMsg(message, r) => {
                self.flush()?;
                self.publish(Channel::Consensus, &message)?;
                r.resume_with(())
            }
            Effect::PublishLivenessMsg(message, r) => {
                self.publish(Channel::Liveness, &message)?;
                r.resume_with(())
            }
            Effect::RepublishVote(vote, r) => {
                self.publish(Channel::Liveness, &LivenessMsg::<Ctx>::Vote(vote))?;
                r.resume_with(())
            }
            Effect::RepublishRoundCertificate(certificate, r) => {
                self.publish(Channel::Liveness, &LivenessMsg::<Ctx>::SkipRoundCertificate(certificate))?;
                r.resume_with(())
            }
            Effect::Decide(certificate, _, r) => {
                self.flush()?;
                self.tasks.push_back(Task::Decided(certificate));
                r.resume_with(())
            }
            Effect::Finalize(certificate, _, evidence, r) => {
                self.tasks.push_back(Task::Finalized(certificate, evidence));
                r.resume_with(())
            }
            Effect::WalAppend(height, entry, r) => {
                if self.votes && !self.replaying {
                    self.log.append(height.0, entry)?;
                }
                r.resume_with(())
            }
            Effect::CertVerifiedSyncValue(value, _, r) => {
                self.tasks.push_back(Task::Judge(self.request.clone(), value));
                r.resume_with(())
            }
            Effect::CertRejectedSyncValue(peer, height, error, r) => {
                self.tasks.push_back(Task::Rejected(self.request.clone(), peer, height, error));
                r.resume_with(())
            }
            signature => self.sign_or_verify(signature).await?,
        })
    }

    async fn sign_or_verify(&mut self, effect: Effect<Ctx>) -> Result<Resume<Ctx>, EngineError> {
        let contract = |error: arc_malachitebft_signing::Error| EngineError::Contract(error.to_string());
        Ok(match effect {
            Effect::SignProposal(proposal, r) => {
                r.resume_with(self.signer()?.sign_proposal(proposal).await.map_err(contract)?)
            }
            Effect::SignVote(vote, r) => r.resume_with(self.signer()?.sign_vote(vote).await.map_err(contract)?),
            Effect::VerifySignature(signed, key, r) => {
                let verified = match &signed.message {
                    ConsensusMsg::Vote(vote) => self.verifier.verify_signed_vote(vote, &signed.signature, &key).await,
                    ConsensusMsg::Proposal(proposal) => {
                        self.verifier.verify_signed_proposal(proposal, &signed.signature, &key).await
                    }
                };
                r.resume_with(verified.is_ok_and(|result| result.is_valid()))
            }
            Effect::VerifyCommitCertificate(certificate, set, thresholds, r) => {
                r.resume_with(self.verifier.verify_commit_certificate(&Ctx, &certificate, &set, thresholds).await)
            }
            Effect::VerifyExtendedCommitCertificate(certificate, set, thresholds, policy, r) => {
                let verifier = &self.verifier;
                let verified =
                    verifier.verify_extended_commit_certificate(&Ctx, &certificate, &set, thresholds, policy).await;
                r.resume_with(verified)
            }
            Effect::VerifyPolkaCertificate(certificate, set, thresholds, r) => {
                r.resume_with(self.verifier.verify_polka_certificate(&Ctx, &certificate, &set, thresholds).await)
            }
            Effect::VerifyRoundCertificate(certificate, set, thresholds, r) => {
                r.resume_with(self.verifier.verify_round_certificate(&Ctx, &certificate, &set, thresholds).await)
            }
            // The policy is `Disabled`: there are no extensions to make or to judge.
            Effect::ExtendVote(_, _, _, _, r) => r.resume_with(None),
            Effect::VerifyVoteExtension(_, _, _, _, _, _, r) => {
                r.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
            other => return Err(EngineError::Contract(format!("the core asked for {other:?}"))),
        })
    }

    fn signer(&self) -> Result<&ChainSigner, EngineError> {
        self.signer.as_ref().ok_or_else(|| EngineError::Contract("asked to sign without a validator key".to_owned()))
    }

    /// How long to wait. What is left of the block interval is what the world's clock says, not the machine's.
    fn duration(&self, timeout: Timeout) -> Duration {
        match (timeout.kind, self.pace) {
            (TimeoutKind::FinalizeHeight(_), (started, Some(target))) => {
                target.saturating_sub(self.port.now().saturating_sub(started))
            }
            _ => self.timeouts.duration_for(timeout),
        }
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        if self.votes && !self.replaying { self.log.flush() } else { Ok(()) }
    }

    pub(super) fn publish<T: WireForm>(&self, channel: Channel, message: &T) -> Result<(), EngineError> {
        self.send(To::Everybody, channel, message)
    }

    pub(super) fn send<T: WireForm>(&self, to: To, channel: Channel, message: &T) -> Result<(), EngineError> {
        let packet = Packet { channel, bytes: encode(message)? };
        self.port.act(Action::Send { to, packet });
        Ok(())
    }
}
