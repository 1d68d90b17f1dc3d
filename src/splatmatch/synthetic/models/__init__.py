"""Things that scenes are made of: prints, furniture, plants, small objects, facades."""
