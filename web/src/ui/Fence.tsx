/** A fence around a view: if it fails, the rest of the console goes on and says so. */

import { Component, type ReactNode } from 'react'

interface Props {
  readonly text: string
  readonly again: string
  readonly children: ReactNode
}

export class Fence extends Component<Props, { failed: string }> {
  override state = { failed: '' }

  static getDerivedStateFromError(error: unknown): { failed: string } {
    return { failed: String(error) }
  }

  override render(): ReactNode {
    if (this.state.failed === '') return this.props.children
    return (
      <div className="fence card" role="alert" data-testid="view-failed">
        <p>{this.props.text}</p>
        <p className="muted">{this.state.failed}</p>
        <button type="button" onClick={() => this.setState({ failed: '' })}>
          {this.props.again}
        </button>
      </div>
    )
  }
}
