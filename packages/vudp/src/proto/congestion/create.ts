/**
 * Controllers by name. Decides nothing but which class a name stands for.
 */
import { Bbr } from './bbr.js'
import type { IVCongestion, IVCongestionOptions, VCongestionName } from './controller.js'
import { Cubic } from './cubic.js'
import { Reno } from './reno.js'

/** A new controller for a new path. @throws RangeError for a name that is none */
export function createCongestion(name: VCongestionName, options: IVCongestionOptions): IVCongestion {
  switch (name) {
    case 'bbr':
      return new Bbr(options)
    case 'cubic':
      return new Cubic(options)
    case 'reno':
      return new Reno(options)
    default:
      throw new RangeError(`a congestion controller is 'cubic', 'bbr' or 'reno', got '${String(name)}'`)
  }
}
