/** The help overlay: keys, and the switch that turns single keys off. */

import { Dialog } from '@base-ui/react/dialog'
import { Switch } from '@base-ui/react/switch'
import { useConsole, useText, useUi } from './context'

export function Help() {
  const { ui } = useConsole()
  const { t } = useText()
  const { help, shortcuts } = useUi((state) => state)
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['↑', '↓', 'j', 'k'], t.keys.move],
    [['Enter'], t.keys.open],
    [['a'], t.keys.ack],
    [['/'], t.keys.search],
    [['1', '…', '5'], t.keys.layers],
    [['0'], t.keys.home],
    [['t'], t.keys.table],
    [['p'], t.keys.space],
    [['Esc'], t.keys.esc],
    [['?'], t.keys.help],
  ]
  return (
    <Dialog.Root open={help} onOpenChange={(open) => ui.dispatch({ help: open })}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog card">
          <Dialog.Title>{t.shortcuts}</Dialog.Title>
          <dl className="keys">
            {rows.map(([keys, meaning]) => (
              <div key={meaning}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <label className="check switch-row">
            <Switch.Root className="switch" checked={shortcuts} onCheckedChange={(on) => ui.dispatch({ shortcuts: on })}>
              <Switch.Thumb className="switch-thumb" />
            </Switch.Root>
            {t.shortcutsOn}
          </label>
          <div className="buttons end">
            <Dialog.Close>{t.close}</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
