/**
 * The engines that the scenarios run with, by version.
 */
import { NodeCrypto } from '../../../packages/vudp/src/driver/crypto.js'
import { VUDPConnection } from '../../../packages/vudp/src/proto/connection.js'
import { V08Connection } from '../../../packages/vudp/src/proto/v08/connection.js'
import type { EngineMaker } from './rig.js'

const crypto = new NodeCrypto()

/** VUT 0.8, with its own defaults. */
export const makeV08: EngineMaker = ({ secret, peerSecret, peer }) =>
  new V08Connection({ secret, peerSecret, peer }, crypto)

/** VUT/1, with the options of the row; odd seeds have CUBIC, even ones BBR. */
export const makeV1: EngineMaker = ({ world, side, secret, peerSecret, peer, options }) =>
  new VUDPConnection(
    {
      congestion: world.seed % 2 === 0 ? 'bbr' : 'cubic',
      mtuBytes: 1472,
      ...options,
      secret,
      peerSecret,
      peer,
    },
    { crypto, random: world.random.fork(`engine ${side}`) },
  )
