/** Ends TLS in front of a server that speaks plain text: `tls-terminator KEY.pem CERT.pem`, for the name localhost. */
import { readFileSync } from 'node:fs'
import { VStream } from '@vio/io/facade'
import { VReactor } from '@vio/reactor'
import { connectTCP, listenTCP, VTCPClientSocketAgent, VTLSClient, VTLSServer } from '@vio/sock'

const [keyFile = 'key.pem', certFile = 'cert.pem'] = process.argv.slice(2)
const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)]
const reactor = new VReactor()
reactor.start()

const plain = await listenTCP(reactor, {}, (agent) => {
  const stream = new VStream(agent.byteIO)
  stream.readUntil('\n').then((line) => stream.end(`plain text heard: ${line}`), console.error)
})
const terminator = await listenTCP(reactor, {}, (outside) => {
  const tls = new VTLSServer(reactor, { key, cert })
  const inside = new VTCPClientSocketAgent(reactor)
  tls.cipherIO.attach(outside.byteIO)
  tls.plainIO.attach(inside.byteIO)
  void inside.connectTo({ host: '127.0.0.1', port: plain.port })
})

const { port } = terminator
const tls = new VTLSClient(reactor, { trusted: cert, serverName: 'localhost' })
tls.cipherIO.attach((await connectTCP(reactor, { host: '127.0.0.1', port })).byteIO)
const client = new VStream(tls.plainIO)
client.write('a secret\n')
console.log(String(await client.readUntil('\n')).trimEnd())
console.log(`over ${tls.version}`)
client.end()
await client.readAll()
await terminator.drain(1000)
await plain.drain(1000)
reactor.stop()
