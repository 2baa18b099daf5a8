/**
 * Compresses its input to its output with the program gzip. Shown in the package's README.
 */
import { chain } from '@vio/io/facade'
import { drainStdio, openStdin, openStdout, VChild } from '@vio/pipe'
import { VReactor } from '@vio/reactor'

const reactor = new VReactor()
reactor.start()

// #region chain
const { clean, reason } = await chain(openStdin(reactor), new VChild(reactor, 'gzip'), openStdout(reactor))
  .done
await drainStdio()
// #endregion chain
if (!clean) throw reason
