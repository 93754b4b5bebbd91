// What the commands ask of their client, and what they refuse with which exit code.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Printer } from '../../src/cli/print.ts'
import { aModel, aRuntime, show } from './cli-scene.ts'

describe('a request', () => {
  it.each([
    [['activate', 'qwen', '--on', 'gpu-b'], { 'gpu-b': { activeModel: 'qwen' } }],
    [['activate', 'org/llama', '--on', 'runtime/gpu-a'], { 'gpu-a': { activeModel: 'llama' } }],
    [['rollback', 'gpu-a'], { 'gpu-a': { activeModel: 'llama' } }],
    [['rollback', 'gpu-b'], { 'gpu-b': { activeModel: 'qwen' } }],
    [['cancel', 'gpu-b'], { 'gpu-b': { activeModel: 'qwen' } }],
    [['cancel', 'llama'], { llama: { 'switchyard.dev/cancel-requested-at': '2026-11-27T03:00:00.000Z' } }],
    [['idle', 'gpu-a'], { 'gpu-a': { desiredState: 'Idle' } }],
    [['pause', 'model', 'qwen'], { qwen: { paused: true } }],
    [['resume', 'runtimes/gpu-a'], { 'gpu-a': { paused: false } }],
    [['retry', 'rt/gpu-c'], { 'gpu-c': { 'switchyard.dev/retry-requested-at': '2026-11-27T03:00:00.000Z' } }],
    [['verify', 'qwen'], { qwen: { 'switchyard.dev/verify-requested-at': '2026-11-27T03:00:00.000Z' } }],
    [['delete', 'mdl', 'qwen'], { remove: 'qwen' }],
  ] as const)('%j is one change', async (words, change) => {
    const { exitCode, asked, out } = await show(words)
    expect({ exitCode, asked, out }).toEqual({
      exitCode: 0,
      asked: [change],
      out: expect.stringMatching(/./),
    })
  })

  it('loads a Runtime that was unloaded', async () => {
    const idle = aRuntime('gpu', { phase: 'Idle' }, { desiredState: 'Idle', activeModel: 'a' })
    const { asked } = await show(['activate', 'a'], { all: [idle, aModel('a')] })
    expect(asked).toEqual([{ gpu: { activeModel: 'a', desiredState: 'Active' } }])
  })

  it('goes back to what was found, when nothing of ours served before the switch', async () => {
    const open = {
      id: '1',
      from: { recipe: 'AsFound' },
      step: 'Loading',
      startedAt: '2026-11-27T02:59:30.000Z',
      stepSince: '2026-11-27T02:59:30.000Z',
      lastProgressAt: '2026-11-27T02:59:30.000Z',
      attempt: 1,
    }
    const { asked } = await show(['cancel', 'gpu'], {
      all: [aRuntime('gpu', { switch: open }, { activeModel: 'a' })],
    })
    expect(asked).toEqual([{ gpu: { activeModel: null } }])
  })

  it('warns beside the result when another tool will put the field back', async () => {
    const { exitCode, err, out } = await show(['activate', 'qwen', '--on', 'gpu-b'], {
      owner: 'Argo CD (llm)',
    })
    expect(exitCode).toBe(0)
    expect(err).toContain('warning: spec.activeModel of runtime/gpu-b belongs to Argo CD (llm)')
    expect(out).toBe('Runtime gpu-b is asked to serve qwen\n')
  })
})

describe('a refusal', () => {
  it.each([
    [['get', 'model/qwne'], 'there is no Model qwne in namespace default. Did you mean qwen?'],
    [
      ['describe', 'modle', 'qwen'],
      'modle is no kind of object: write model or runtime. Did you mean model?',
    ],
    [['activate', 'qwen'], 'name the runtime with --on: gpu-a, gpu-b, gpu-c'],
    [
      ['rollback', 'gpu-c'],
      'no Model is known to have served before; name one: switchyard activate MODEL --on gpu-c',
    ],
    [['cancel', 'gpu-a'], 'no switch runs that could be cancelled'],
    [['idle', 'qwen'], 'there is no Runtime qwen in namespace default'],
    [['get', '-o', 'xml'], '-o xml is not one of table, wide, json, yaml, name'],
    [['explain', 'Gatd'], 'Gatd is no reason. Did you mean Gated?'],
    [['logs', 'gpu-a', '--tail', 'all'], '--tail all is no whole number'],
    [['apply'], "required option '-f, --filename <file>' not specified"],
    [['apply', '-f', '/nowhere'], '/nowhere is not there'],
    [['actvate', 'x'], "unknown command 'actvate'"],
    [['get', '--outptu', 'yaml'], "unknown option '--outptu'"],
    [['completion', 'csh'], 'csh is not one of bash, zsh, fish'],
    [['login', '../etc'], 'is no name of a Secret'],
  ] as const)('%j is a sentence and exit code 2', async (words, sentence) => {
    const { exitCode, err, out, asked } = await show(words)
    expect({ exitCode, out, asked }).toEqual({ exitCode: 2, out: '', asked: [] })
    expect(err).toContain(`switchyard: `)
    expect(err).toContain(sentence)
  })

  it('asks which one is meant when two Models have the source', async () => {
    const all = [aModel('a'), aModel('b')].map(seen => {
      const spec = { source: { huggingFace: { repo: 'org/same' } } }
      return { ...seen, object: { ...seen.object, spec } as typeof seen.object }
    })
    expect((await show(['describe', 'org/same'], { all })).err).toContain(
      'may be one of model/a, model/b: name one',
    )
  })
})

describe('a terminal', () => {
  it('gets colour only where it is one, and wants it', async () => {
    expect((await show(['status'], { isTTY: true, wantsColour: true })).out).toContain('\x1b[32mActive')
    expect((await show(['status'], { isTTY: true })).out).not.toContain('\x1b')
    expect((await show(['status'], { wantsColour: true })).out).not.toContain('\x1b')
  })

  it('is not moved by what an engine wrote', async () => {
    expect((await show(['logs', 'gpu-a'])).out).toBe('INFO loading�[2J\n')
  })
})

describe('live lines', () => {
  const draw = (columns: number, lines: readonly string[]): string => {
    const told: string[] = []
    const out = { write: (text: string) => told.push(text), isTTY: true, columns }
    const print = new Printer({ out, err: out, wantsColour: true })
    print.live(lines.map(line => print.tint('bold', line)))
    print.live(['end'])
    return told.join('')
  }

  it('are drawn over the ones before', () => {
    expect(draw(80, ['a', 'b'])).toBe(
      '\r\x1b[1ma\x1b[0m\x1b[K\n\x1b[1mb\x1b[0m\x1b[K\n\x1b[J\x1b[2A\rend\x1b[K\n\x1b[J',
    )
  })

  it('never wrap, and are whole on a terminal that does not know its size', () => {
    expect(draw(5, ['abcdefgh'])).toContain('\x1b[1mabcd\x1b[0m\x1b[K')
    expect(draw(0, ['abcdefgh'])).toContain('abcdefgh')
  })
})

describe('completion', () => {
  it.each([
    [['act'], ['activate']],
    [
      ['activate', ''],
      ['qwen', 'llama', 'secret'],
    ],
    [
      ['activate', 'qwen', '--on', 'gpu-'],
      ['gpu-a', 'gpu-b', 'gpu-c'],
    ],
    [['describe', 'model/q'], ['model/qwen']],
    [
      ['get', '-o', ''],
      ['table', 'wide', 'json', 'yaml', 'name'],
    ],
    [['activate', 'qwen', '--dr'], ['--dry-run']],
    [['explain', 'Gat'], ['Gated']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['apply', '-f', ''], []],
  ] as const)('of %j offers %j', async (words, offered) => {
    const { out } = await show(['__complete', ...words])
    expect(out.split('\n').filter(Boolean)).toEqual(offered)
  })
})

describe('what is found on a machine', () => {
  it('is listed, with what to do with it', async () => {
    const { exitCode, out, err } = await show(['discover'])
    expect(exitCode).toBe(0)
    expect(err).toBe('/models/closed cannot be read\nuse one: switchyard adopt SOURCE --on RUNTIME\n')
    expect(out).toMatchInlineSnapshot(`
      "MODEL                         SIZE   WHOLE   OURS      WHERE
      hf:Qwen/Qwen2.5-7B-Instruct   8 GB   yes     fetched   /models/hub
      ollama:llama3.2:3b            8 GB   yes     no        /models
      local:team/ft                 8 GB   no      no        /models/team/ft
      "
    `)
    expect((await show(['discover', '/nowhere'])).exitCode).toBe(2)
  })

  it.each([
    ['Qwen/Qwen2.5-7B-Instruct', 'gpu-a', 'Model/qwen2-5-7b-instruct'],
    ['hf:org/Some_Model@v1', 'gpu-a', 'Model/some-model'],
    ['ollama:llama3.2:3b', 'gpu-a', 'Model/llama3-2-3b'],
  ])('%s is adopted as a Model', async (source, runtime, name) => {
    const { exitCode, asked } = await show(['adopt', source, '--on', runtime])
    expect([exitCode, asked]).toEqual([0, [{ apply: name }]])
  })

  it('does not take the name of another Model', async () => {
    expect((await show(['adopt', 'other/qwen', '--on', 'gpu-a'])).err).toContain(
      'model/qwen is there already',
    )
  })
})

describe('events', () => {
  it('since a number that has left the journal say so beside the result', async () => {
    const { err } = await show(['events', '--since', '4'])
    expect(err).toBe(
      'what happened from 5 to 100 has left the journal, but for what a running operation tells (SWITCHYARD_JOURNAL_ENTRIES, …_DAYS)\n',
    )
    expect((await show(['events', '--since', '100'])).err).toBe('')
    expect((await show(['events'])).err).toBe('')
  })
})

describe('explain', () => {
  const said = async (reason: string, speaksTo: 'host' | 'cluster' | 'nobody') => {
    const { exitCode, out, err } = await show(['explain', reason], { speaksTo })
    expect([exitCode, err]).toEqual([0, ''])
    return out
  }

  it('has the words of the machine that is spoken to', async () => {
    const onHost = await said('VolumeNotWritable', 'host')
    expect(onHost).toContain('chgrp')
    expect(onHost).not.toContain('securityContext')
    const onCluster = await said('VolumeNotWritable', 'cluster')
    expect(onCluster).toContain('securityContext')
    expect(onCluster).not.toContain('chgrp')
  })

  it('has both where nobody is spoken to, and one where they are the same', async () => {
    expect(await said('PortTaken', 'nobody')).toMatchInlineSnapshot(`
      "PortTaken
        On a host:
          Another process listens on the port of the engine.
          What to do: Find it with \`ss -ltnp\`, and end it or set another spec.host.port.
        On a cluster:
          Another process listens on the port of the engine.
          What to do: Find it in the pod (or on the node, with hostNetwork), and give one of the two another port.
      "
    `)
    expect(await said('Gated', 'nobody')).toBe(await said('Gated', 'host'))
  })

  it('says of a reason that no host gives that only a cluster does', async () => {
    expect(await said('ProbeWillKill', 'host')).toContain('Only a cluster gives this reason.')
    expect((await show(['explain'], { speaksTo: 'host' })).out).not.toContain('ProbeWillKill')
    expect((await show(['explain'], { speaksTo: 'nobody' })).out).toContain('ProbeWillKill')
  })

  it('is what describe says under the conditions', async () => {
    const all = [aModel('a', { conditions: [{ ...condition, reason: 'VolumeNotWritable' }] })]
    expect((await show(['describe', 'a'], { all })).out).toContain('What to do: Give the folder')
    expect((await show(['describe', 'a'], { all, speaksTo: 'cluster' })).out).toContain('securityContext')
  })
})

const condition = {
  type: 'Ready',
  status: 'False',
  message: 'no',
  observedGeneration: 1,
  lastTransitionTime: '2026-11-27T02:59:00.000Z',
}

describe('login', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-login-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('writes what comes in into a file that is closed to others, and never shows it', async () => {
    const { exitCode, out, err } = await show(['login', 'hf-token'], {
      input: 'hf_abc\n',
      secretsFolder: folder,
    })
    const path = join(folder, 'hf-token', 'token')
    expect([exitCode, err]).toEqual([0, ''])
    expect(readFileSync(path, 'utf8')).toBe('hf_abc')
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
    expect(out).toContain(path)
    expect(out).not.toContain('hf_abc')
  })

  it('replaces the one before, and refuses what is no token', async () => {
    await show(['login', 'hf-token'], { input: 'second', secretsFolder: folder })
    expect(readFileSync(join(folder, 'hf-token', 'token'), 'utf8')).toBe('second')
    for (const input of ['', 'two words'])
      expect((await show(['login', 'hf-token'], { input, secretsFolder: folder })).exitCode).toBe(2)
    expect(readFileSync(join(folder, 'hf-token', 'token'), 'utf8')).toBe('second')
  })
})
