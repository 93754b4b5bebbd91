// `npm run demo:cluster -- --once` as a newcomer runs it: a cluster of its own, the samples, three answers, exit code 0, nothing left running.
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { whyNoOllama } from '../cluster/ollama.ts'
import { whyNotHere } from '../cluster/programs.ts'

const start = fileURLToPath(new URL('../../scripts/demo-cluster.ts', import.meta.url))
const reason = whyNotHere() ?? whyNoOllama()
if (reason) console.log(`npm run demo:cluster is not tried: ${reason}`)

/** Without a cluster of the caller's. */
const run = () =>
  execa(process.execPath, [start, '--once'], {
    env: { NO_COLOR: '1', KUBECONFIG: undefined },
    reject: false,
    all: true,
    timeout: 600_000,
  })

/** What is said after the time at the line's begin, and lines without one. */
const saidIn = (output: string): readonly string[] =>
  output.split('\n').map(line => line.replace(/^ *\d+\.\d s {2}/, ''))

describe.skipIf(reason !== undefined)('npm run demo:cluster -- --once', () => {
  it('tells the whole story, gets the answers of the right models and ends with 0', async () => {
    const { all = '', exitCode } = await run()
    if (exitCode !== 0) console.log(all)
    expect(exitCode).toBe(0)
    const said = saidIn(all)
    expect(said.filter(line => line.startsWith('asked: '))).toEqual([
      'asked: I am a tiny stand-in for llama3.2:1b.',
      'asked: And I am a tiny stand-in for qwen2.5:0.5b.',
      'asked: I am a tiny stand-in for llama3.2:1b.',
      'asked: I am a tiny stand-in for Qwen2.5-0.5B-Instruct.',
    ])
    expect(said.some(line => /^Model llama3-2-1b +Downloading .*%/.test(line))).toBe(true)
    expect(said.some(line => line.includes('qwen2-5-0-5b-ollama is proved, down for'))).toBe(true)
    expect(said.some(line => /^runtime\.switchyard\.dev\/ollama +True +Active/.test(line))).toBe(true)
  }, 660_000)
})
