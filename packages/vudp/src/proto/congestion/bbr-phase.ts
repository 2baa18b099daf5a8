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

/** By how much the estimated rate, and what it makes in flight, are multiplied. */
export interface PhaseGains {
  readonly pacing: number
  readonly window: number
}

/** The gains of each phase. */
export const PHASES: Readonly<Record<Phase, PhaseGains>> = {
  startup: { pacing: 2.77, window: 2 },
  drain: { pacing: 0.5, window: 2 },
  'probe-down': { pacing: 0.9, window: 2 },
  'probe-cruise': { pacing: 1, window: 2 },
  'probe-refill': { pacing: 1, window: 2 },
  'probe-up': { pacing: 1.25, window: 2.25 },
  'probe-rtt': { pacing: 1, window: 0.5 },
}
