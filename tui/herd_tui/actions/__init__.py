"""What a screen can be asked to do: each module one thing, given the screen it speaks through.

A screen has the keys and hands each on to whoever does it. What an action must remember it
keeps itself.
"""
