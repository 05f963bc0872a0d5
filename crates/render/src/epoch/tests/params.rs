//! Bounds of the parameters.

use std::sync::Arc;

use ledger::testing::{ALICE, refusal, stored};
use proto::tetra::render::v1::{MsgUpdateParams, Params, QueryParamsRequest};

use crate::epoch::{MODULE, messages, params, queries};
use crate::support::{market, update};

#[test]
fn each_parameter_has_bounds() {
    let mut ctx = market();
    Arc::make_mut(&mut ctx.chain).dev = false;
    let before = stored(&ctx, MODULE);
    let bad: [fn(&mut Params); 29] = [
        |p| p.epoch_ms = 3_599_999,
        |p| p.epoch_ms = 31 * 86_400_000 + 1,
        |p| p.network_bp = 5_001,
        |p| p.pool_cap_bp = 10_001,
        |p| (p.job_pool_bp, p.availability_bp) = (9_000, 1_001),
        |p| p.job_pool_bp = u32::MAX,
        |p| p.audit_bp = 0,
        |p| p.audit_bp = 10_001,
        |p| p.audit_tiles = 0,
        |p| p.audit_tiles = 65,
        |p| p.auditors = 17,
        |p| p.beacon_blocks = 0,
        |p| p.audit_commit_ms = 999,
        |p| p.audit_open_ms = 7 * 86_400_000 + 1,
        |p| p.no_progress_ms = 0,
        |p| p.offline_ms = 0,
        |p| p.approval_ms = 0,
        |p| p.appeal_ms = 30 * 86_400_000 + 1,
        |p| p.hold_back_ucredits = u64::MAX,
        |p| p.slash_bp = 10_001,
        |p| p.assignments_per_block = 0,
        |p| p.units_in_hand = 17,
        |p| p.same_host_audits = true,
        |p| p.appeal_deposit = None,
        |p| p.tiers.reverse(),
        |p| p.tiers[0].least = 0,
        |p| p.tiers[1].work_milli_per_credit = p.tiers[1].most + 1,
        |p| p.tiers[2].most = p.tiers[2].least - 1,
        |p| p.tiers.truncate(2),
    ];
    for (number, change) in bad.into_iter().enumerate() {
        assert_eq!(refusal(update(&mut ctx, change)).code, 2, "{number}");
    }
    let msg = MsgUpdateParams { authority: ctx.text(&ALICE), params: Some(params::default()) };
    assert_eq!(refusal(messages::update_params(&mut ctx, msg)).code, 4);
    let msg = MsgUpdateParams { authority: ctx.text(&ledger::testing::AUTHORITY), params: None };
    assert_eq!(refusal(messages::update_params(&mut ctx, msg)).code, 18);
    assert_eq!(stored(&ctx, MODULE), before);
    assert_eq!(queries::params(&ctx, QueryParamsRequest {}).unwrap().params, Some(params::default()));
}

#[test]
fn development_networks_may_have_short_epochs_and_no_cap() {
    let mut ctx = market();
    update(&mut ctx, |p| (p.epoch_ms, p.pool_cap_bp, p.same_host_audits) = (10_000, u32::MAX, true)).unwrap();
    assert_eq!(refusal(update(&mut ctx, |p| p.epoch_ms = 9_999)).code, 2);
}
