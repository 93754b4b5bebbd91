// What root writes so that a vLLM unit of others may be switched, what the launcher in it accepts, and what is asked of systemd when.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  commandOf,
  renderDropIn,
  renderUnitRule,
} from '../../../../src/platform/host/systemd/adoption-render.ts'
import { wordsFor } from '../../../../src/platform/host/systemd/unit-launch.ts'
import { hasRead, pauseOf, stepOf } from '../../../../src/platform/host/systemd/unit-steps.ts'
import { readWish, writeWish } from '../../../../src/platform/host/systemd/unit-wish.ts'

const folder = mkdtempSync(join(tmpdir(), 'switchyard-adoption-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const models = join(folder, 'models')
const model = join(models, 'hub/models--tiny--alpha/snapshots/abc')
mkdirSync(model, { recursive: true })

const own = ['/opt/venv/bin/vllm', 'serve', 'Org/Their', '--port', '8000', '--enforce-eager']
const launch = { hash: 'h', model, servedNames: ['alpha', 'active'], args: ['--max-model-len', '512'] }

describe('the drop-in of an adopted unit', () => {
  it('keeps the words, variables and signs of its own command', () => {
    const command = ['/opt/venv/bin/vllm', 'serve', '$MODEL', '--chat-template', 'a "b" 100%\\']
    const adoption = { unit: 'vllm.service', command, models, wish: '/w' }
    const text = renderDropIn(adoption, ['/usr/bin/node', '/p/switchyard.mjs'])
    expect(text.split('\n').slice(2, -1)).toEqual([
      '[Service]',
      'SupplementaryGroups=switchyard-models',
      'ExecStart=',
      'ExecStart="/usr/bin/node" "/p/switchyard.mjs" "run-unit" "vllm.service" "--" "/opt/venv/bin/vllm" "serve" "$MODEL" "--chat-template" "a \\"b\\" 100%%\\\\"',
    ])
  })

  it.each([
    [[], 'has 0 ExecStart= lines'],
    [[{ path: '/v', words: ['v'], flags: ['ignore-failure'] }], 'has a prefix (ignore-failure)'],
    [[{ path: '/v', words: ['v', 'a\nb'], flags: [] }], 'has a word with control characters'],
  ])('is not written for %j', (starts, sentence) => {
    expect(() => commandOf('vllm.service', starts)).toThrow(sentence)
  })

  it('comes with a right on that unit alone', () => {
    const rule = renderUnitRule('vllm.service', 'switchyard')
    expect(rule).toContain('action.lookup(\'unit\') === "vllm.service"')
    expect(rule).toContain('["start","stop","restart","reset-failed"]')
  })
})

describe('the launcher of an adopted unit', () => {
  it('is its own command when nothing is wished', () => {
    expect(wordsFor({ models }, own, undefined)).toEqual(own)
  })

  it('puts model, names and arguments into its own command', () => {
    expect(wordsFor({ models }, own, launch)).toEqual([
      ...['/opt/venv/bin/vllm', 'serve', model, '--port', '8000', '--enforce-eager'],
      ...['--served_model_name', 'alpha', 'active', '--max-model-len', '512'],
    ])
  })

  it('takes the model of python -m as a flag', () => {
    const python = ['/usr/bin/python3', '-m', 'vllm.entrypoints.openai.api_server', '--model', 'x']
    expect(wordsFor({ models }, python, launch).slice(3, 5)).toEqual(['--model', model])
  })

  it.each([
    [{ model: '/etc' }, 'does not stand in'],
    [{ model: `${models}/../models/hub` }, 'does not stand in'],
    [{ model: '--middleware=evil.Code' }, 'does not stand in'],
    [{ servedNames: ['--middleware'] }, 'is no served name'],
    [{ servedNames: [] }, 'is no served name'],
    [{ args: ['--trust-remote-code'] }, 'is not allowed'],
    [{ args: ['--load-format', 'pt'] }, 'is not allowed'],
    [{ args: ['--host', '0.0.0.0'] }, 'is not allowed'],
    [{ args: ['word'] }, 'is not allowed'],
  ])('refuses %j', (change, sentence) => {
    expect(() => wordsFor({ models }, own, { ...launch, ...change })).toThrow(sentence)
  })

  it('refuses a model that a link leads out of the folder', () => {
    symlinkSync('/etc', join(models, 'out'))
    expect(() => wordsFor({ models }, own, { ...launch, model: join(models, 'out') })).toThrow(
      'does not stand',
    )
  })

  it('reads what the daemon wrote, and says nothing of what else stands in a file', () => {
    const path = join(folder, 'wish.json')
    expect(readWish(path)).toBeUndefined()
    const wish = { launch, replicas: 1, starts: 1, boot: 'b', since: 1, at: '2026-01-01T00:00:00Z' } as const
    writeWish(path, wish)
    expect(readWish(path)).toEqual(wish)
    writeFileSync(join(folder, 'secret'), 'root:x:0')
    symlinkSync(join(folder, 'secret'), join(folder, 'link'))
    expect(() => readWish(join(folder, 'link'))).toThrow('cannot be read (ELOOP)')
    expect(() => readWish(join(folder, 'secret'))).toThrow(/^(?!.*root).*is not what switchyard host writes$/)
    expect(readFileSync(path, 'utf8')).toContain('"hash":"h"')
  })
})

const state = (ActiveState: string, started: number, Job = '0') => ({
  LoadState: 'loaded',
  ActiveState,
  ExecMainStartTimestampMonotonic: String(started),
  Job,
})
const written = { boot: 'now', since: 100, replicas: 1 } as const

describe('what is asked of systemd', () => {
  it.each([
    ['a process of before', state('active', 50), written, 'restart'],
    ['a process that has read it', state('active', 150), written, undefined],
    ['the run of the machine before', state('active', 50), { ...written, boot: 'then' }, undefined],
    ['nothing runs', state('inactive', 0), written, 'start'],
    ['it failed', state('failed', 150), written, 'start'],
    ['it waits for its own restart, with the words of before', state('activating', 50), written, 'restart'],
    ['systemd is at it', state('inactive', 0, '17'), written, undefined],
    ['it is ending', state('deactivating', 50), written, undefined],
    ['it is to be down', state('active', 150), { ...written, replicas: 0 } as const, 'stop'],
    ['it is down', state('failed', 150), { ...written, replicas: 0 } as const, undefined],
    ['it is gone', { ...state('inactive', 0), LoadState: 'not-found' }, written, undefined],
  ])('%s', (_, found, wish, step) => {
    expect(stepOf(found, wish, 'now')).toBe(step)
  })

  it('asks later each time, and never stops to', () => {
    expect([0, 1, 2, 40].map(failures => pauseOf('start', failures))).toEqual([1_000, 2_000, 4_000, 300_000])
  })

  it('takes a process of this run of the machine for one that read a file of the last', () => {
    expect(hasRead(state('active', 5), { boot: 'then', since: 100 }, 'now')).toBe(true)
  })
})
