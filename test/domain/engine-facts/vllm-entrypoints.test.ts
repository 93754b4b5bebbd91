import { describe, expect, it } from 'vitest'
import { findEntrypoint } from '../../../src/domain/engine-facts/vllm-entrypoints.ts'

const find = (command: string, args: string) => {
  const split = (line: string) => (line === '' ? [] : line.split(' '))
  try {
    const { kind, length } = findEntrypoint({ command: split(command), args: split(args) })
    return `${kind} ${length}`
  } catch (error) {
    return (error as { reason: string }).reason
  }
}

describe('how a container starts vLLM', () => {
  it.each([
    ['vllm serve', '/m', 'Serve 2'],
    ['vllm', 'serve /m', 'Serve 2'],
    ['vllm serve /m --port 8000', '', 'Serve 2'],
    ['/opt/venv/bin/vllm serve', '/m', 'Serve 2'],
    ['python3 -m vllm.entrypoints.openai.api_server', '--model /m', 'Module 3'],
    ['python3.12 -u -m vllm.entrypoints.openai.api_server', '--model /m', 'Module 4'],
    ['python3', '-m vllm.entrypoints.openai.api_server --model /m', 'Module 3'],
    ['python3 -m vllm.entrypoints.cli.main serve', '/m', 'Serve 4'],
    ['python3 /opt/venv/bin/vllm serve', '/m', 'Serve 3'],
    ['/sbin/tini -g -- vllm serve', '/m', 'Serve 5'],
    ['tini vllm serve', '/m', 'Serve 3'],
    ['/usr/bin/dumb-init vllm serve', '/m', 'Serve 3'],
    ['catatonit -- vllm serve', '/m', 'Serve 4'],
    ['tini -g vllm serve', '/m', 'Serve 4'],
    ['tini -g', '', 'UnknownEntrypoint'],
    ['python -m vllm.entrypoints.openai.api_server', '--model /m', 'Module 3'],
    ['python3 -uB -m vllm.entrypoints.openai.api_server', '--model /m', 'Module 4'],
    ['python3 -u -B vllm serve', '/m', 'Serve 5'],
    ['python3', '', 'UnknownEntrypoint'],
    ['python3 -m', '', 'UnknownEntrypoint'],
    ['python3.x -m vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['xpython3 -m vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['python3x -m vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['python3 -ux -m vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['python3 --u -m vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['python3 -c vllm.entrypoints.openai.api_server', '', 'UnknownEntrypoint'],
    ['python3 -m vllm.entrypoints.cli.main bench', '', 'UnknownEntrypoint'],
    ['python3 -m other serve', '', 'UnknownEntrypoint'],
    ['python3 -c vllm.entrypoints.cli.main serve', '', 'UnknownEntrypoint'],
    ['python3 -m vllm serve', '', 'UnknownEntrypoint'],
    ['python3 server.py serve', '', 'UnknownEntrypoint'],
    ['python3 vllm bench', '', 'UnknownEntrypoint'],
    ['', 'my/python-model --port 1', 'UnknownEntrypoint'],
    ['', 'org/mypython --port 1', 'Image 0'],
    ['', 'org/vllm-model --port 1', 'Image 0'],
    ['/start.sh', 'serve', 'UnknownEntrypoint'],
    ['/usr/bin/env vllm serve', '/m', 'UnknownEntrypoint'],
    ['vllm serve', '/m --log sh', 'Serve 2'],
    ['', '/m --port 8000', 'Image 0'],
    ['', '--model /m', 'Image 0'],
    ['', '', 'Image 0'],
    ['', 'serve /m', 'Serve 1'],
    ['', 'vllm serve /m', 'Serve 2'],
    ['sh -c', 'exec-vllm-serve', 'ShellCommand'],
    ['/bin/sh -c', 'vllm serve /m', 'ShellCommand'],
    ['bash -lc', 'vllm serve /m', 'ShellCommand'],
    ['', 'bash -c vllm', 'ShellCommand'],
    ['tini -- sh -c', 'vllm', 'ShellCommand'],
    ['/usr/bin/env bash -c', 'vllm', 'ShellCommand'],
    ['/start.sh', '', 'UnknownEntrypoint'],
    ['vllm bench', 'x', 'UnknownEntrypoint'],
    ['', 'vllm bench', 'UnknownEntrypoint'],
    ['python3 server.py', '', 'UnknownEntrypoint'],
    ['', 'python3 -m other', 'UnknownEntrypoint'],
  ])('command "%s" with args "%s" is %s', (command, args, expected) => {
    expect(find(command, args)).toBe(expected)
  })

  it('is told as it stands there when it is refused', () => {
    const refused = (command: string[], args: string[]) => () => findEntrypoint({ command, args })
    expect(refused(['sh', '-c'], ['vllm serve'])).toThrow('through a shell: "sh -c vllm serve"')
    expect(refused(['/start.sh'], ['-x'])).toThrow('not a known start of vLLM: "/start.sh -x"')
  })
})
