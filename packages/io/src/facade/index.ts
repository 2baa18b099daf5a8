/** Public names of `@vio/io/facade`: chains as promises, streams and iterators see them. */
export { chain, VChain } from './chain.js'
