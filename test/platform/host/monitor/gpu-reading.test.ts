// What nvidia-smi prints, as figures.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { failureOf, parseGpus, parseProcesses } from '../../../../src/platform/host/monitor/gpu-reading.ts'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
const mebi = 1024 ** 2

describe('What nvidia-smi prints', () => {
  it('is one row per GPU, in bytes', () => {
    const gpus = parseGpus(fixture('two-gpus.csv'))
    expect(gpus.map(({ index }) => index)).toEqual([0, 1])
    expect(gpus[0]).toEqual({
      index: 0,
      uuid: 'GPU-7a3f2c1e-58d4-9b06-1f2e-0c4d8a9b7e61',
      name: 'NVIDIA H100 80GB HBM3',
      totalBytes: 81_559 * mebi,
      usedBytes: 70_123 * mebi,
      freeBytes: 10_930 * mebi,
      busy: 0.37,
      isMig: false,
    })
  })

  it('is one row per process and GPU', () => {
    expect(parseProcesses(fixture('two-gpus-processes.csv'))).toEqual([
      { pid: 4711, gpu: 'GPU-7a3f2c1e-58d4-9b06-1f2e-0c4d8a9b7e61', usedBytes: 69_000 * mebi },
      { pid: 4712, gpu: 'GPU-7a3f2c1e-58d4-9b06-1f2e-0c4d8a9b7e61', usedBytes: 1_100 * mebi },
    ])
  })

  it('adds up the instances of a divided GPU, whose load nobody tells', () => {
    const [gpu] = parseGpus(fixture('mig.csv'))
    expect(gpu).toMatchObject({ isMig: true, usedBytes: 24_192 * mebi })
    expect(gpu).not.toHaveProperty('busy')
    expect(parseProcesses(fixture('mig-processes.csv'))).toMatchObject([
      { pid: 901, usedBytes: (14_366 + 9_826) * mebi },
    ])
  })

  it('leaves out what it does not tell, and keeps a name with a comma', () => {
    expect(parseGpus(fixture('desktop.csv'))).toEqual([
      {
        index: 0,
        uuid: 'GPU-c1e5b3a9-6d27-4f80-9c14-2a7b8e0d5f36',
        name: 'NVIDIA GeForce GTX 1660, Ti',
        totalBytes: 6_144 * mebi,
        isMig: false,
      },
    ])
    expect(parseProcesses(fixture('desktop-processes.csv'))).toEqual([
      { pid: 2210, gpu: 'GPU-c1e5b3a9-6d27-4f80-9c14-2a7b8e0d5f36' },
    ])
  })

  it.each(['no-driver.txt', 'version-mismatch.txt'])('is no figure when it fails: %s', name => {
    expect(parseGpus(fixture(name))).toEqual([])
    expect(parseProcesses(fixture(name))).toEqual([])
  })

  it.each([
    [
      'no-driver.txt',
      /^nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate .* running$/,
    ],
    [
      'version-mismatch.txt',
      /^nvidia-smi failed: Failed to initialize NVML: Driver\/library version mismatch$/,
    ],
  ])('keeps its own sentence: %s', (name, sentence) => {
    expect(failureOf(fixture(name), 'exit code 9')).toMatch(sentence)
  })

  it('says how it ended when it said nothing', () => {
    expect(failureOf('\n', 'exit code 6')).toBe('nvidia-smi failed: exit code 6')
  })
})
