// A bar of blocks, eighths of a letter fine; plain letters where there is no colour and so perhaps no such font.
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

export const drawBar = (percent: number, width = 20): string => {
  const parts = Math.round((Math.min(100, Math.max(0, percent)) / 100) * width * 8)
  const full = '█'.repeat(Math.floor(parts / 8))
  const bar = full + (eighths[parts % 8] ?? '')
  return bar + '░'.repeat(width - [...bar].length)
}
