"""What a quake sets off besides shaking: a watch for a tsunami, slopes that slide for a week.

None of it is a warning: it raises what others decide, or tells the centre to look.
"""
