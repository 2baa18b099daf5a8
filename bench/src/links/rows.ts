/**
 * The links that are compared over: those of `test/lab/BASELINE.md`.
 */

/** A link, the same in both directions. */
export interface LinkRow {
  /** Its name in subjects and ratios. */
  readonly key: string
  /** What the lab makes of it. */
  readonly link: string
  /** How many times longer than usual a transfer takes: long round trips need time to begin. Default 1. */
  readonly longer?: number
  /**
   * How many transfers by CUBIC run side by side, each in a lab and with losses of its own: a value is their mean. Where a
   * dozen losses are all there is in a transfer, it is chance how much it carries. Default 1.
   */
  readonly cubicAtOnce?: number
  /** False for what is no link but the lab itself: told, and not one of "all rows". Default true. */
  readonly isLink?: boolean
}

/** All rows, in the order of the table. */
export const ROWS: readonly LinkRow[] = [
  { key: '100m_40ms', link: 'rate=100mbit,delay=20ms' },
  { key: '100m_40ms_loss0.1', link: 'rate=100mbit,delay=20ms,loss=0.1%' },
  { key: '100m_40ms_loss1', link: 'rate=100mbit,delay=20ms,loss=1%' },
  { key: '100m_40ms_loss5', link: 'rate=100mbit,delay=20ms,loss=5%' },
  { key: '300m_20ms', link: 'rate=300mbit,delay=10ms' },
  { key: '300m_20ms_loss0.1', link: 'rate=300mbit,delay=10ms,loss=0.1%' },
  { key: '300m_20ms_loss1', link: 'rate=300mbit,delay=10ms,loss=1%' },
  { key: '10m_200ms', link: 'rate=10mbit,delay=100ms', longer: 2 },
  { key: '10m_200ms_loss0.1', link: 'rate=10mbit,delay=100ms,loss=0.1%', longer: 2 },
  { key: '10m_200ms_loss1', link: 'rate=10mbit,delay=100ms,loss=1%', longer: 2, cubicAtOnce: 8 },
  { key: '50m_60ms_burst1', link: 'rate=50mbit,delay=30ms,burst=1%/8' },
  { key: '50m_60ms_reorder2', link: 'rate=50mbit,delay=30ms,reorder=2%,reorderby=5ms' },
  { key: '50m_60ms_jitter5', link: 'rate=50mbit,delay=30ms,jitter=5ms' },
  { key: '50m_60ms_queue6', link: 'rate=50mbit,delay=30ms,queue=6ms' },
  { key: '50m_60ms_queue500', link: 'rate=50mbit,delay=30ms,queue=500ms' },
  { key: 'unlimited', link: 'delay=0ms', isLink: false },
]
