"""The yardstick: a FastAPI route that answers each message at once.   python fastapi_echo.py PORT"""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws/{client_id}")
async def echo(websocket: WebSocket, client_id: int) -> None:
    """Text in, `You wrote: text` out."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(f"You wrote: {await websocket.receive_text()}")
    except WebSocketDisconnect:
        pass


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False)
