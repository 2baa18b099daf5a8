/**
 * The phases of BBR and their gains (draft-ietf-ccwg-bbr section 5.1). Decides nothing; `bbr` moves between them.
 */

/** Where BBR is. */
export type Phase =
  | 'startup'
  | 'drain'
  | 'probe-down'
  | 'probe-cruise'
  | 'probe-refill'
  | 'probe-up'
  | 'probe-rtt'

/** What holds in a phase. */
export interface PhaseTerms {
  /** By how much the estimated rate is multiplied for pacing. */
  readonly pacing: number
  /** By how much what the rate and the round trip make in flight is multiplied for the window. */
  readonly window: number
  /** True if losses lower the short-term bounds; while a phase tries for more, they tell about that. */
  readonly adapts: boolean
}

/** What holds in each phase. */
export const PHASES: Readonly<Record<Phase, PhaseTerms>> = {
  startup: { pacing: 2.77, window: 2, adapts: false },
  drain: { pacing: 0.5, window: 2, adapts: true },
  'probe-down': { pacing: 0.9, window: 2, adapts: true },
  'probe-cruise': { pacing: 1, window: 2, adapts: true },
  'probe-refill': { pacing: 1, window: 2, adapts: false },
  'probe-up': { pacing: 1.25, window: 2.25, adapts: false },
  'probe-rtt': { pacing: 1, window: 0.5, adapts: true },
}
