// An engine that serves nothing: `scripted-engine.mjs PART --port N` listens, or ends, or leaves children behind, as PART says.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'

const [part, , port] = process.argv.slice(2)

const listen = () => {
  const server = createServer((_, response) => response.end(part))
  server.listen(Number(port), '127.0.0.1', () => console.log(`${part} listens`))
}

/** A child with the port, in a session of its own, that does not end when it is told to. */
const leave = () =>
  spawn(process.execPath, [process.argv[1], 'stubborn', '--port', port], { detached: true, stdio: 'inherit' })

const parts = {
  dies: () => {
    console.error('CUDA out of memory')
    process.exit(1)
  },
  stubborn: () => {
    process.on('SIGTERM', () => console.log('asked to end'))
    listen()
  },
  forks: () => {
    leave()
    setInterval(() => undefined, 1_000)
  },
}

const play = parts[part] ?? listen
play()
