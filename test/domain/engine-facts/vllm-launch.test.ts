import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { ContainerSight, Recipe } from '../../../src/domain/engine.ts'
import { restoreConfig } from '../../../src/domain/engine-facts/vllm-config.ts'
import { launchVllm } from '../../../src/domain/engine-facts/vllm-launch.ts'

const aRecipe = (change: Partial<Recipe> = {}): Recipe => ({
  engine: 'VLLM',
  model: '/models/hub/snap/b',
  identity: '/models/hub/snap/b',
  servedNames: ['b', 'active'],
  args: [],
  task: 'Chat',
  hash: '0123456789abcdef',
  ...change,
})
const words = (line: string) => (line === '' ? [] : line.split(' '))
const sight = (command: string, args: string, change: Partial<ContainerSight> = {}): ContainerSight => ({
  command: words(command),
  args: words(args),
  env: {},
  port: 8000,
  ...change,
})
const ours = '--served_model_name b active'

describe('launching vLLM by arguments', () => {
  it.each([
    ['vllm serve', '/old --port 8000 -tp 2', '-', `/models/hub/snap/b --port 8000 -tp 2 ${ours}`],
    ['vllm serve', '--port 8000 /old', '-', `/models/hub/snap/b --port 8000 ${ours}`],
    [
      'vllm serve',
      'org/old --revision main --served-model-name x y --dtype half',
      '-',
      `/models/hub/snap/b --dtype half ${ours}`,
    ],
    [
      'vllm serve',
      '/old --tokenizer org/t --enforce-eager',
      '-',
      `/models/hub/snap/b --enforce-eager ${ours}`,
    ],
    [
      'vllm serve',
      '/old --api-key k --brand-new 7',
      '-',
      `/models/hub/snap/b --api-key k --brand-new 7 ${ours}`,
    ],
    ['vllm serve', '--model=/old --port 8000', '-', `/models/hub/snap/b --port 8000 ${ours}`],
    ['vllm serve', '', '-', `/models/hub/snap/b ${ours}`],
    ['vllm serve', '/old --config /etc/mine.yaml', '-', `/models/hub/snap/b --config /etc/mine.yaml ${ours}`],
    ['', '--model /old --port 8000', '-', `--model /models/hub/snap/b --port 8000 ${ours}`],
    ['', '/old --port 8000', '-', `/models/hub/snap/b --port 8000 ${ours}`],
    ['', 'serve /old', '-', `serve /models/hub/snap/b ${ours}`],
    ['vllm', 'serve /old', '-', `serve /models/hub/snap/b ${ours}`],
    [
      'python3 -m vllm.entrypoints.openai.api_server',
      '--port 80 --model /old',
      '-',
      `--model /models/hub/snap/b --port 80 ${ours}`,
    ],
    ['vllm serve /old --port 8000', '', `vllm serve /models/hub/snap/b --port 8000 ${ours}`, '-'],
    ['vllm serve /old', '--port 8000', 'vllm serve', `/models/hub/snap/b --port 8000 ${ours}`],
  ])('command "%s", args "%s" become command "%s", args "%s"', (command, args, newCommand, newArgs) => {
    const launch = launchVllm(aRecipe(), sight(command, args))
    expect(launch.hash).toBe('0123456789abcdef')
    expect(launch.command?.join(' ') ?? '-').toBe(newCommand)
    expect(launch.args?.join(' ') ?? '-').toBe(newArgs)
    expect(launch).not.toHaveProperty('config')
  })

  it('the arguments of the recipe before are gone and those of the container stay', () => {
    const first = launchVllm(
      aRecipe({ args: ['--max-model-len', '100', '-tp', '2'] }),
      sight('vllm serve', '/o --port 1'),
    )
    const second = launchVllm(
      aRecipe({ args: ['--dtype', 'half'] }),
      sight('vllm serve', first.args?.join(' ') ?? ''),
    )
    expect(second.args?.join(' ')).toBe(`/models/hub/snap/b --port 1 ${ours} --dtype half`)
  })

  it('the same recipe on its own launch changes nothing', () => {
    const recipe = aRecipe({ args: ['--max-model-len', '100'] })
    const first = launchVllm(recipe, sight('vllm serve', '/o --port 1'))
    expect(launchVllm(recipe, sight('vllm serve', first.args?.join(' ') ?? ''))).toEqual(first)
  })

  it('a word behind an unknown flag that may be the model is refused with the way out', () => {
    const launch = () => launchVllm(aRecipe(), sight('vllm serve', '--brand-new /old'))
    expect(launch).toThrow(expect.objectContaining({ reason: 'UnknownEntrypoint' }))
    expect(launch).toThrow(/whether "\/old" is the model; write the model right after serve/)
  })

  it.each([
    ['vllm serve', '--brand-new=x'],
    ['vllm serve', '--brand-new'],
    ['vllm serve', '/old --brand-new x'],
    ['vllm serve', '--model /old --brand-new x'],
    ['vllm serve', '--port 8000'],
    ['python3 -m vllm.entrypoints.openai.api_server', '--brand-new x'],
  ])('no word behind an unknown flag may be the model: command "%s", args "%s"', (command, args) => {
    expect(() => launchVllm(aRecipe(), sight(command, args))).not.toThrow()
  })

  it.each([
    ['--port 8000', '/etc/engine.yaml', 'vllm serve does not read it'],
    ['--config=/etc/engine.yaml', '/etc/engine.yaml', 'vllm serve does not read it'],
    [
      '--config /other.yaml',
      '/etc/engine.yaml',
      'the engine reads "/other.yaml", the ConfigMap is mounted at "/etc/engine.yaml"',
    ],
  ])('a config file is refused that the engine does not read: args "%s"', (args, configPath, why) => {
    expect(() => launchVllm(aRecipe(), sight('vllm serve', args, { config: '', configPath }))).toThrow(why)
  })

  it('a config file is written where nobody knows where it is mounted', () => {
    const found = sight('vllm serve', '--config /any.yaml', { config: 'port: 1\n' })
    expect(launchVllm(aRecipe(), found).config).toContain('port: 1\n')
  })
})

const configured = (config: string, args = '--config /etc/engine.yaml --port 8000') =>
  sight('vllm serve', args, { config, configPath: '/etc/engine.yaml' })
const write = (config: string, recipe = aRecipe()) => launchVllm(recipe, configured(config)).config ?? ''

describe('launching vLLM by its config file', () => {
  it('leaves command and args alone and writes model and served names', () => {
    const launch = launchVllm(aRecipe(), configured('port: 8000\n'))
    expect(Object.keys(launch).sort()).toEqual(['config', 'hash'])
    expect(parse(launch.config ?? '')).toEqual({
      port: 8000,
      model: '/models/hub/snap/b',
      'served-model-name': ['b', 'active'],
    })
  })

  it('keeps comments, order, lists, blocks and nested maps of others byte for byte', () => {
    const found =
      '# mine\nport: 8000   # door\n\nmiddleware:\n  - a.b\n- c.d\ncompilation-config:\n  mode: 3\n\n  x: {a: 1}\nnote: |\n  # text\n\n  more\nlast: "a: b"\n'
    expect(write(found).startsWith(found)).toBe(true)
  })

  it.each<[string, string[], Record<string, unknown>]>([
    ['a number', ['--max-model-len', '4096'], { 'max-model-len': 4096 }],
    ['a fraction', ['--gpu-memory-utilization', '0.85'], { 'gpu-memory-utilization': 0.85 }],
    ['a number that YAML would change', ['--seed', '007'], { seed: '007' }],
    ['a switch', ['--enforce-eager'], { 'enforce-eager': true }],
    ['a negated switch', ['--no-enable-prefix-caching'], { 'no-enable-prefix-caching': true }],
    ['a short flag', ['-tp', '2'], { 'tensor-parallel-size': 2 }],
    ['a level', ['-O3'], { 'optimization-level': 3 }],
    ['underscores', ['--max_num_seqs=3'], { 'max-num-seqs': 3 }],
    ['JSON', ['--hf-overrides', '{"a": "b"}'], { 'hf-overrides': '{"a": "b"}' }],
    ['a dotted flag', ['--compilation-config.mode', '3'], { 'compilation-config.mode': 3 }],
    ['one value of many', ['--lora-target-modules', 'q'], { 'lora-target-modules': ['q'] }],
    ['several values', ['--lora-target-modules', 'q', 'k'], { 'lora-target-modules': ['q', 'k'] }],
    ['the word true', ['--chat-template', 'true'], { 'chat-template': 'true' }],
    ['other letters', ['--chat-template', 'é😀"\\'], { 'chat-template': 'é😀"\\' }],
    ['an unknown flag', ['--brand-new', 'x'], { 'brand-new': 'x' }],
    ['a repeated flag, of which the last counts', ['--seed', '1', '--seed', '2'], { seed: 2 }],
    ['a switch taken back', ['--enforce-eager', '--no-enforce-eager'], { 'no-enforce-eager': true }],
  ])('an argument with %s becomes a key', (_, args, expected) => {
    const { model, 'served-model-name': names, ...rest } = parse(write('', aRecipe({ args })))
    expect([model, names]).toEqual(['/models/hub/snap/b', ['b', 'active']])
    expect(rest).toEqual(expected)
  })

  it('sets keys in its way aside, in every spelling, and gives them back when they are free again', () => {
    const found =
      'model: org/old\n"served_model_name":\n- x\n- y\nrevision: main\nmax-model-len: 5\nport: 1\n'
    const first = write(found, aRecipe({ args: ['--max-model-len', '9'] }))
    expect(parse(first)).toEqual({
      port: 1,
      model: '/models/hub/snap/b',
      'served-model-name': ['b', 'active'],
      'max-model-len': 9,
    })
    expect(parse(write(first))).toMatchObject({ port: 1, 'max-model-len': 5 })
    expect(restoreConfig(first)).toBe(found)
  })

  it('writes the same text from the original and from the text of another recipe', () => {
    const found = 'model: org/old\nport: 1'
    const recipe = aRecipe({ args: ['--seed', '4'] })
    const other = write(found, aRecipe({ model: '/models/c', args: ['--dtype', 'half'] }))
    expect(write(other, recipe)).toBe(write(found, recipe))
    expect(write(write(found, recipe), recipe)).toBe(write(found, recipe))
  })

  it.each([
    ['/m --config /etc/engine.yaml', '"/m"'],
    ['--config /etc/engine.yaml --model /m', '"--model"'],
    ['--config /etc/engine.yaml --served_model_name=x', '"--served_model_name=x"'],
    ['--config /etc/engine.yaml --revision main', '"--revision"'],
    ['--config /etc/engine.yaml --seed 3', '"--seed"'],
  ])('args "%s" would win over the file: OwnedFlagInArgs names %s', (args, named) => {
    const launch = () => launchVllm(aRecipe({ args: ['--seed', '4'] }), configured('', args))
    expect(launch).toThrow(expect.objectContaining({ reason: 'OwnedFlagInArgs' }))
    expect(launch).toThrow(named)
  })

  it.each(['--port 8000', '--config=/etc/engine.yaml', '--config /etc/other.yaml'])(
    'args "%s" do not read the file: UnknownEntrypoint',
    args => {
      expect(() => launchVllm(aRecipe(), configured('', args))).toThrow(
        expect.objectContaining({ reason: 'UnknownEntrypoint' }),
      )
    },
  )

  it.each(
    [
      ['port: 1\n- x: [\n  y', 'port'],
      ['a: 1\nb: &x 2\n', 'line 2'],
      ['a: *x\n', 'line 1'],
      ['a: !!str 2\n', 'line 1'],
      ['<<: *b\n', 'line 1'],
      ['? a\n: b\n', 'line 1'],
      ['a: [1,\n2]\n', 'line 1'],
      ['a: {b: 1,\nmodel: 2}\n', 'line 1'],
      ['a: "x\ny"\n', 'line 1'],
      ['{a: 1}\n', 'line 1'],
      ['- a\n', 'line 1'],
      ['  a: 1\n', 'line 1'],
      ['a: 1\n---\nb: 2\n', 'line 2'],
      ['\ta: 1\n', 'line 1'],
      ['just words\n', 'line 1'],
    ].slice(1),
  )('a config file with %j is refused, naming %s', (text, named) => {
    expect(() => write(text)).toThrow(expect.objectContaining({ reason: 'InvalidSpec' }))
    expect(() => write(text)).toThrow(named)
  })

  it.each(['', '{}\n', '# nothing\n', '---\nport: 1\n', 'port: 1\r\nseed: 2\r\n', 'a:\nb: ~\n'])(
    'a config file with %j is taken',
    text => {
      expect(parse(write(text))).toMatchObject({ model: '/models/hub/snap/b' })
    },
  )
})
