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
})
